import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SPECIAL = ['[PAD]', '[UNK]']
const DIMENSIONS = 32
const FLOAT = 1
const INT64 = 7

/**
 * Writes an embedding model in the layout of huggingface.co: each word has a vector, and all unknown words share one.
 * @param folder gets the folder of the model
 */
export function writeTinyModel(folder: string, name: string, words: readonly string[]): void {
  const path = join(folder, name)
  mkdirSync(join(path, 'onnx'), { recursive: true })
  const vocabulary = [...SPECIAL, ...new Set(words)]
  const json = (file: string, value: object) => writeFileSync(join(path, file), JSON.stringify(value))
  json('config.json', { model_type: 'bert', architectures: ['BertModel'], hidden_size: DIMENSIONS })
  json('tokenizer_config.json', {
    tokenizer_class: 'BertTokenizer',
    model_max_length: 64,
    pad_token: '[PAD]',
    unk_token: '[UNK]',
  })
  json('tokenizer.json', {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
      ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
    })),
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])),
    },
  })
  writeFileSync(join(path, 'onnx', 'model_quantized.onnx'), gatherModel(vocabulary.length))
}

/** An ONNX model that looks the vector of each token up: `last_hidden_state = Gather(table, input_ids)`. */
function gatherModel(tokens: number): Buffer {
  const table = Float32Array.from({ length: tokens * DIMENSIONS }, (_, i) => Math.sin(i * i * 0.37 + i))
  const tensor = message(
    [1, tokens],
    [1, DIMENSIONS],
    [2, FLOAT],
    [8, 'table'],
    [9, Buffer.from(table.buffer)],
  )
  const node = message([1, 'table'], [1, 'input_ids'], [2, 'last_hidden_state'], [4, 'Gather'])
  const value = (name: string, type: number, dims: readonly (string | number)[]) => {
    const shape = message(...dims.map((dim): Field => [1, message([typeof dim === 'string' ? 2 : 1, dim])]))
    return message([1, name], [2, message([1, message([1, type], [2, shape])])])
  }
  const place = ['batch', 'sequence']
  const graph = message(
    [1, node],
    [2, 'tiny'],
    [5, tensor],
    [11, value('input_ids', INT64, place)],
    [11, value('attention_mask', INT64, place)],
    [12, value('last_hidden_state', FLOAT, [...place, DIMENSIONS])],
  )
  return message([1, 8], [7, graph], [8, message([1, ''], [2, 13])])
}

type Field = [number: number, value: number | string | Buffer]

/** A Protocol Buffers message. */
function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number << 3), varint(value)]
      const bytes = Buffer.from(value as string)
      return [varint((number << 3) | 2), varint(bytes.length), bytes]
    }),
  )
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}
