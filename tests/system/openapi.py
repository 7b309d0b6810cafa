"""doc/openapi.yaml, read and held against answers: for tests. Only Python's standard library is used, so
that the tests need no more than the build does."""
import os
import re

import harness


# A reader for the YAML that the document is written in: blocks, [lists], plain and quoted scalars.

def scalar(text):
    text = text.strip()
    if text == "{}":
        return {}
    if text.startswith("[") and text.endswith("]"):
        return [scalar(item) for item in text[1:-1].split(",")]
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return text[1:-1]
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def lines_of(text):
    """(indent, text) of each line that says something; an item's dash becomes a line of its own."""
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent, rest = len(line) - len(line.lstrip()), line.strip()
        while rest.startswith("- "):
            yield indent, "-"
            indent, rest = indent + 2, rest[2:]
        yield indent, rest


def block(lines, place, indent):
    """The value whose lines begin at `place`, all at this indent; where it ends."""
    value = [] if lines[place][1] == "-" else {}
    while place < len(lines) and lines[place][0] == indent:
        rest = lines[place][1]
        key, _, text = ("", "", "") if rest == "-" else rest.partition(":")
        place += 1
        deeper = place < len(lines) and lines[place][0] > indent
        if text.strip().startswith(">"):
            words = []
            while place < len(lines) and lines[place][0] > indent:
                words.append(lines[place][1])
                place += 1
            item = " ".join(words)
        elif deeper and not text.strip():
            item, place = block(lines, place, lines[place][0])
        else:
            item = scalar(text)
        if rest == "-":
            value.append(item)
        else:
            value[scalar(key)] = item
    if place < len(lines) and lines[place][0] > indent:
        raise harness.Failure(f"doc/openapi.yaml: cannot be read at: {lines[place][1]}")
    return value, place


def read_document():
    with open(os.path.join(harness.SOURCES, "doc/openapi.yaml"), encoding="utf-8") as file:
        lines = list(lines_of(file.read()))
    document, end = block(lines, 0, 0)
    if end != len(lines):
        raise harness.Failure(f"doc/openapi.yaml: cannot be read at: {lines[end][1]}")
    return document


# Answers against schemas.

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict,
         "array": list, "null": type(None)}


def is_of(value, name):
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])


KEYWORDS = {"$ref", "type", "properties", "required", "items", "enum", "description", "anyOf", "minimum", "maximum",
            "default", "additionalProperties", "x-yettctl"}


def hold(document, schema, value, where):
    """Raises a failure unless the value is what the schema says, and no more: a key that the document does
    not have is wrong, and a schema that leaves an object's keys open has to say so."""
    strange = set(schema) - KEYWORDS
    if strange:
        raise harness.Failure(f"doc/openapi.yaml, of {where}: this test does not understand {sorted(strange)}")
    if "$ref" in schema:
        return hold(document, follow(document, schema["$ref"]), value, where)
    if "anyOf" in schema:
        return hold_any(document, schema["anyOf"], value, where)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(is_of(value, kind) for kind in kinds):
        raise harness.Failure(f"{where} is {value!r}, not {' or '.join(kinds)}")
    if "enum" in schema and value not in schema["enum"]:
        raise harness.Failure(f"{where} is {value!r}, not one of {schema['enum']}")
    if isinstance(value, list):
        for place, item in enumerate(value):
            hold(document, schema["items"], item, f"{where}[{place}]")
    if isinstance(value, dict) and schema.get("additionalProperties") != "true":
        if "properties" not in schema or "required" not in schema:
            raise harness.Failure(f"doc/openapi.yaml, of {where}: say which keys it has, or additionalProperties: true")
        for key in schema["required"]:
            if key not in value:
                raise harness.Failure(f"{where} lacks {key}")
        for key, item in value.items():
            if key not in schema["properties"]:
                raise harness.Failure(f"{where} has {key}, which the document does not")
            hold(document, schema["properties"][key], item, f"{where}.{key}")


def hold_any(document, schemas, value, where):
    told = []
    for schema in schemas:
        try:
            return hold(document, schema, value, where)
        except harness.Failure as failure:
            told.append(str(failure))
    raise harness.Failure("; or ".join(told))


def follow(document, reference):
    for word in reference.lstrip("#/").split("/"):
        document = document[word]
    return document
