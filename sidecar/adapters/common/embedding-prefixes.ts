import { createHash } from 'node:crypto'

/** Texts before each query and each document, as the model was trained. */
export interface Prefixes {
  query: string
  document: string
}

interface KnownModel extends Prefixes {
  pattern: RegExp
  /** Most tokens of a text that the model was trained with; absent: more than are sent anyway. */
  maxTokens?: number
  /** Its servers may know queries and passages by the field `input_type`, and add the prefixes themselves. */
  isTyped?: true
}

/** The task in the examples of the E5 instruct models and Qwen3-Embedding. */
const TASK = 'Instruct: Given a web search query, retrieve relevant passages that answer the query'
const REPRESENT = 'Represent this sentence for searching relevant passages: '

/** The first model whose pattern matches counts. Each source is the model's card on huggingface.co. */
const KNOWN: readonly KnownModel[] = [
  // NVIDIA's servers add the prefixes of the E5 models that they host, and require `input_type`.
  { pattern: /nv-embed/i, query: '', document: '', isTyped: true },
  // intfloat/e5-mistral-7b-instruct, "Usage": instruct queries, plain documents.
  { pattern: /e5-mistral/i, query: `${TASK}\nQuery: `, document: '' },
  // intfloat/multilingual-e5-large-instruct, "Usage": instruct queries; "no need to add instructions for documents".
  { pattern: /e5-[a-z]+-instruct/i, query: `${TASK}\nQuery: `, document: '', maxTokens: 512 },
  // intfloat/multilingual-e5-small, intfloat/e5-base-v2, FAQ: "query: " and "passage: ", texts of at most 512 tokens.
  {
    pattern: /(?:^|[/_-])e5(?:[-_:.]|$)/i,
    query: 'query: ',
    document: 'passage: ',
    maxTokens: 512,
    isTyped: true,
  },
  // BAAI/bge-large-en-v1.5, "Model List": an instruction for queries, none for passages.
  { pattern: /bge-(?:small|base|large)-en/i, query: REPRESENT, document: '', maxTokens: 512 },
  // BAAI/bge-large-zh-v1.5, "Model List".
  {
    pattern: /bge-(?:small|base|large)-zh/i,
    query: '为这个句子生成表示以用于检索相关文章：',
    document: '',
    maxTokens: 512,
  },
  // nomic-ai/nomic-embed-text-v1.5 and -v2-moe, "Task instruction prefixes".
  { pattern: /nomic-embed-text/i, query: 'search_query: ', document: 'search_document: ' },
  // mixedbread-ai/deepset-mxbai-embed-de-large-v1, "Usage".
  {
    pattern: /mxbai-embed-de-large/i,
    query: 'query: ',
    document: 'passage: ',
    maxTokens: 512,
    isTyped: true,
  },
  // mixedbread-ai/mxbai-embed-large-v1, "Quickstart": a prompt for queries, none for documents.
  { pattern: /mxbai-embed-(?:2d-)?large/i, query: REPRESENT, document: '', maxTokens: 512 },
  // Snowflake/snowflake-arctic-embed-l-v2.0, "Usage": the query prefix "query: ". Ollama: snowflake-arctic-embed2.
  { pattern: /arctic-embed(?:2|.*v2)/i, query: 'query: ', document: '' },
  // Snowflake/snowflake-arctic-embed-m-v1.5 and the first models, "Usage".
  { pattern: /arctic-embed/i, query: REPRESENT, document: '', maxTokens: 512 },
  // Qwen/Qwen3-Embedding-0.6B, "Usage": instruct queries without a space after "Query:", plain documents.
  { pattern: /qwen3-embedding/i, query: `${TASK}\nQuery:`, document: '' },
  // google/embeddinggemma-300m, "Prompt Instructions".
  {
    pattern: /embedding-?gemma/i,
    query: 'task: search result | query: ',
    document: 'title: none | text: ',
    maxTokens: 2048,
  },
]

/** What is known about a model by its name, in the spelling of Hugging Face, Ollama or a gateway. */
export function knownModel(model: string): Omit<KnownModel, 'pattern'> {
  return KNOWN.find(({ pattern }) => pattern.test(model)) ?? { query: '', document: '' }
}

/** The given prefixes, or those that the model was trained with. */
export function prefixesOf({
  model,
  prefixes,
}: {
  model: string
  prefixes?: Partial<Record<keyof Prefixes, string | undefined>> | undefined
}): Prefixes {
  const known = knownModel(model)
  return { query: prefixes?.query ?? known.query, document: prefixes?.document ?? known.document }
}

/** Part of the name of an embedder. Empty without prefixes, as the names of stores were before there were any. */
export function suffixOf({ query, document }: Prefixes): string {
  if (query === '' && document === '') return ''
  const hash = createHash('sha256').update(JSON.stringify([query, document]))
  return `+prefixes-${hash.digest('hex').slice(0, 8)}`
}
