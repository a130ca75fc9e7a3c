import { type Form, json, pretty } from './bad-answer.ts'

/** Good answers with text around them. */
export const AROUND: readonly Form[] = [
  { form: 'json fence', spoil: (good) => `\`\`\`json\n${pretty(good)}\n\`\`\`` },
  { form: 'bare fence', spoil: (good) => `\`\`\`\n${json(good)}\n\`\`\`` },
  { form: 'unclosed fence', spoil: (good) => `\`\`\`json\n${pretty(good)}` },
  { form: 'tildes', spoil: (good) => `~~~json\n${pretty(good)}\n~~~` },
  {
    form: 'prose before',
    spoil: (good) => `Sure! Here are the facts I found in the batch:\n\n${pretty(good)}`,
  },
  {
    form: 'prose with brackets before and after',
    spoil: (good) =>
      `From messages [1] and [3] (see {batch}):\n${json(good)}\nLet me know if you need [more] {details}.`,
  },
  { form: 'prose after with a fence', spoil: (good) => `${json(good)}\n\`\`\`\nI hope this helps! \`{}\`` },
  {
    form: 'HTML-escaped',
    spoil: (good) => `<pre>${json(good)}</pre>`.replaceAll('&', '&amp;').replaceAll('"', '&quot;'),
  },
  { form: 'byte order mark', spoil: (good) => `\ufeff${json(good)}` },
  { form: 'zero-width and CRLF', spoil: (good) => `\u200b${pretty(good).replaceAll('\n', '\r\n')}\u200b` },
  {
    form: 'think tags with a draft',
    spoil: (good) =>
      `<think>The user is... maybe {"facts":[{"text":"Draft that is wrong"}]}? No.</think>\n${json(good)}`,
  },
  {
    form: 'reasoning without its opening tag',
    spoil: (good) => `Okay, let me see. {"facts": hmm\n</think>\n\n${json(good)}`,
  },
  { form: 'reasoning tags', spoil: (good) => `<reasoning>1. Read. 2. Write.</reasoning>${pretty(good)}` },
  {
    form: 'channels',
    spoil: (good) =>
      `<|channel|>analysis<|message|>We need JSON {"facts":[…]}<|end|><|start|>assistant<|channel|>final<|message|>${json(good)}<|return|>`,
  },
  {
    form: 'constrained channel',
    spoil: (good) =>
      `<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>${json(good)}`,
  },
  { form: 'end tokens of a chat template', spoil: (good) => `${json(good)}<|im_end|>\n<|im_start|>user` },
  { form: 'end of turn', spoil: (good) => `${json(good)}<end_of_turn></s>` },
  {
    form: 'html',
    spoil: (good) => `<p>Here it is:</p>\n<pre><code class="language-json">${pretty(good)}</code></pre>`,
  },
  { form: 'xml tag around json', spoil: (good) => `<answer>\n${pretty(good)}\n</answer>` },
  { form: 'in Markdown', spoil: (good) => `**Answer:**\n\n${pretty(good)}\n\n---\n*Extracted by AI*` },
  { form: 'assigned to a variable', spoil: (good) => `const result = ${pretty(good)};\nconsole.log(result)` },
  { form: 'print call', spoil: (good) => `import json\nprint(json.dumps(${json(good)}))` },
  { form: 'assistant prefix', spoil: (good) => `Assistant: ${json(good)}` },
  { form: 'json prefix', spoil: (good) => `json\n${pretty(good)}` },
  {
    form: 'a question after the answer',
    spoil: (good) => `${json(good)}\n\nWould you like me to continue with the next batch?`,
  },
  { form: 'endless blank lines', finish: 'length', spoil: (good) => `${json(good)}${'\n'.repeat(400)}` },
  {
    form: 'explanation cut off by the limit',
    finish: 'length',
    spoil: (good) => `${json(good)}\n\nExplanation: I looked at each message and`,
  },
]

/** Good answers within another structure. */
export const WRAPPED: readonly Form[] = [
  { form: 'result', spoil: (good) => json({ result: good }) },
  { form: 'data in response', spoil: (good) => json({ status: 'ok', response: { data: good } }) },
  { form: 'list of one', spoil: (good) => json([good]) },
  { form: 'json in a string', spoil: (good) => json({ answer: json(good) }) },
  { form: 'a string of json', spoil: (good) => json(json(good)) },
  {
    form: 'tool call tag',
    spoil: (good) => `<tool_call>\n${json({ name: 'memory', arguments: good })}\n</tool_call>`,
  },
  {
    form: 'tool call with arguments as text',
    spoil: (good) => json({ name: 'memory', arguments: json(good) }),
  },
  { form: 'tool calls mark', spoil: (good) => `[TOOL_CALLS] [${json({ name: 'memory', arguments: good })}]` },
  { form: 'function tag', spoil: (good) => `<function=memory>${json(good)}</function>` },
  { form: 'function call', spoil: (good) => `functions.memory(${pretty(good)})` },
  { form: 'python tag', spoil: (good) => `<|python_tag|>${json({ name: 'memory', parameters: good })}` },
  {
    form: 'openai tool call',
    spoil: (good) =>
      json({ tool_calls: [{ type: 'function', function: { name: 'memory', arguments: json(good) } }] }),
  },
  {
    form: 'chat completion',
    spoil: (good) => json({ choices: [{ message: { role: 'assistant', content: json(good) } }] }),
  },
  {
    form: 'schema with the answer as its properties',
    spoil: (good) => json({ type: 'object', properties: good }),
  },
  { form: 'list of facts without the object', spoil: (good) => json(good.facts) },
  { form: 'JSON lines', spoil: (good) => good.facts.map(json).join('\n') },
  { form: 'objects with commas, no list', spoil: (good) => good.facts.map(json).join(',\n') },
  {
    form: 'an object for each list',
    spoil: ({ facts, entities, relations, summary }) =>
      [{ facts }, { entities }, { relations }, { summary }].map(json).join('\n'),
  },
  {
    form: 'an object for each fact',
    spoil: (good) => good.facts.map((fact) => json({ facts: [fact] })).join('\n'),
  },
  {
    form: 'a fence for each fact',
    spoil: (good) => good.facts.map((fact) => `\`\`\`json\n${pretty(fact)}\n\`\`\``).join('\n\n'),
  },
  {
    form: 'numbered object',
    spoil: (good) =>
      json({ facts: Object.fromEntries(good.facts.map((fact, i) => [`fact_${i + 1}`, fact])) }),
  },
  { form: 'given twice', spoil: (good) => `${json(good)}\n${json(good)}` },
  {
    form: 'given twice, with prose',
    spoil: (good) => `${pretty(good)}\n\nAs JSON:\n\n\`\`\`json\n${json(good)}\n\`\`\``,
  },
  {
    form: 'facts twice in one list',
    spoil: (good) => json({ ...good, facts: [...good.facts, ...good.facts] }),
  },
  {
    form: 'draft, then corrected',
    spoil: (good) =>
      `${json({ facts: [{ ...good.facts[0], text: 'A draft that is not right at all.' }] })}\nWait, corrected version:\n${json(good)}`,
  },
  {
    form: 'by topic',
    spoil: (good) =>
      json({
        facts: Object.fromEntries(
          [...new Set(good.facts.map(({ topic }) => topic))].map((topic) => [
            topic,
            good.facts.filter((fact) => fact.topic === topic),
          ]),
        ),
      }),
  },
]
