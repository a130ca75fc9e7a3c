/** Statements that bring an empty file to each schema version in turn. */
export const VERSIONS = [
  `CREATE TABLE records (
    collection TEXT NOT NULL,
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    payload TEXT NOT NULL,
    dense BLOB,
    PRIMARY KEY (collection, scope, id)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX records_in_order ON records (collection, scope, position, id);`,
  // Earlier versions stored term weights in this column; new rows leave it NULL.
  'ALTER TABLE records ADD COLUMN sparse BLOB;',
  // Indexes start with the scope because one write touches one scope; rows with vectors live outside the indexes.
  `CREATE TABLE kept (
    scope TEXT NOT NULL,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    payload TEXT NOT NULL,
    dense BLOB,
    sparse BLOB
  ) STRICT;
  INSERT INTO kept SELECT scope, collection, id, position, payload, dense, sparse FROM records ORDER BY scope;
  DROP TABLE records;
  ALTER TABLE kept RENAME TO records;
  CREATE UNIQUE INDEX records_by_id ON records (scope, collection, id);
  CREATE INDEX records_in_order ON records (scope, collection, position, id);
  CREATE TABLE scopes (
    collection TEXT NOT NULL,
    scope TEXT NOT NULL,
    PRIMARY KEY (collection, scope)
  ) WITHOUT ROWID, STRICT;
  INSERT INTO scopes SELECT DISTINCT collection, scope FROM records;`,
  // Version 4 may hold packed vectors, which version 3 would misread.
  '',
  // Numbers of entries and blocks begin with the number of their scope, so that the rows of a scope lie together.
  // The entry of a record also holds its vector. Records of earlier versions have no entry.
  `ALTER TABLE records ADD COLUMN entry INTEGER;
  CREATE TABLE search_scopes (
    no INTEGER PRIMARY KEY,
    scope TEXT NOT NULL UNIQUE,
    total INTEGER NOT NULL,
    next INTEGER NOT NULL,
    built INTEGER NOT NULL,
    written INTEGER NOT NULL,
    mean BLOB
  ) STRICT;
  CREATE TABLE search_entries (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    terms BLOB NOT NULL,
    features TEXT NOT NULL,
    dense BLOB
  ) STRICT;
  CREATE TABLE search_blocks (no INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
  CREATE INDEX records_by_time ON records (scope, json_extract(payload, '$.sources[0].at'), position, entry)
    WHERE entry IS NOT NULL;
  CREATE INDEX records_by_event ON records (scope, json_extract(payload, '$.event_date'), position, entry)
    WHERE entry IS NOT NULL AND json_extract(payload, '$.event_date') IS NOT NULL;`,
  // The codes of vectors have another layout: the blocks are built again when the file is opened.
  'DELETE FROM search_blocks; UPDATE search_scopes SET built = 0, written = 0, mean = NULL;',
] as const
