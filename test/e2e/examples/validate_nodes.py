"""Validates the nodes of apps with the schemas of Dify's workflow engine. Reads {file: [node data]} from stdin."""

import json
import sys
from importlib import import_module

SCHEMAS = {
    "start": ("start", "StartNodeData"),
    "tool": ("tool", "ToolNodeData"),
    "llm": ("llm", "LLMNodeData"),
    "if-else": ("if_else", "IfElseNodeData"),
    "variable-aggregator": ("variable_aggregator", "VariableAggregatorNodeData"),
    "code": ("code", "CodeNodeData"),
    "http-request": ("http_request", "HttpRequestNodeData"),
    "answer": ("answer", "AnswerNodeData"),
}

problems = []
for file, nodes in json.load(sys.stdin).items():
    for data in nodes:
        module, name = SCHEMAS[data["type"]]
        try:
            getattr(import_module(f"graphon.nodes.{module}.entities"), name).model_validate(data)
        except ValueError as error:
            problems.append(f"{file}: {data['title']}: {error}")
print(json.dumps(problems))
