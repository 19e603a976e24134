"""The toolkit's XML files against the published schemas, element by element.

The schemas can't be part of the project; the rules below are read from operatorModel.xsd, commonModel.xsd,
functionModel.xsd and toolkitInfoModel.xsd of IBMStreams/OSStreams (src/schema/SPL/Core): children in their order, with
the fewest and most of each, and the values of enumerations. Read are the models that the package has: the sources leave
out what repeats (cmake/spl_assemble.cmake).
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import fastctc
from conftest import ROOT

if sys.platform != "linux":
    pytest.skip("the package has the toolkit on Linux alone", allow_module_level=True)

TOOLKIT = Path(fastctc.get_spl_toolkit())
NAMESPACE = TOOLKIT / "com.teracloud.streamsx.stt"
OPERATOR = NAMESPACE / "SpeechToText" / "SpeechToText.xml"
OPERATORS = [NAMESPACE / kind / f"{kind}.xml" for kind in ("FileAudioSource", "NeMoSTT", "OnnxSTT", "SpeechToText")]
PRODUCT = "http://www.ibm.com/xmlns/prod/streams/spl/"
MANY = 10**6

ONE, OPTIONAL, ANY, SOME = (1, 1), (0, 1), (0, MANY), (1, MANY)
Children = list[tuple[str, tuple[int, int]]]
LIBRARY: dict[str, Children] = {
    "library": [("common:description", ONE), ("common:managedLibrary", ONE)],
    "managedLibrary": [
        ("common:lib", ANY),
        ("common:libPath", ANY),
        ("common:includePath", ANY),
        ("common:command", OPTIONAL),
    ],
}
OUTPUT_PORT: Children = [
    ("description", OPTIONAL),
    ("expressionMode", ONE),
    ("autoAssignment", ONE),
    ("completeAssignment", ONE),
    ("rewriteAllowed", ONE),
    ("outputFunctions", OPTIONAL),
    ("windowPunctuationOutputMode", ONE),
    ("windowPunctuationInputPort", OPTIONAL),
    ("finalPunctuationPortScope", OPTIONAL),
    ("tupleMutationAllowed", ONE),
    ("outputAssignmentPortScope", OPTIONAL),
    ("allowNestedCustomOutputFunctions", OPTIONAL),
    ("cardinality", ONE),
    ("optional", ONE),
]
OPERATOR_MODEL: dict[str, Children] = {
    **LIBRARY,
    "operatorModel": [("cppOperatorModel", ONE)],
    "cppOperatorModel": [("context", ONE), ("parameters", ONE), ("inputPorts", ONE), ("outputPorts", ONE)],
    "context": [
        ("description", OPTIONAL),
        ("iconUri", ANY),
        ("metrics", OPTIONAL),
        ("customLiterals", OPTIONAL),
        ("customOutputFunctions", OPTIONAL),
        ("libraryDependencies", OPTIONAL),
        ("providesSingleThreadedContext", ONE),
        ("incrementalCompilationStrategy", OPTIONAL),
        ("allowCustomLogic", OPTIONAL),
        ("codeTemplates", OPTIONAL),
        ("splExpressionTree", OPTIONAL),
        ("capability", ANY),
    ],
    "metrics": [("description", OPTIONAL), ("metric", ANY)],
    "metric": [("name", ONE), ("description", ONE), ("kind", ONE), ("dynamic", OPTIONAL)],
    "customLiterals": [("enumeration", ANY)],
    "enumeration": [("name", ONE), ("value", ANY)],
    "customOutputFunctions": [("customOutputFunction", ANY)],
    "customOutputFunction": [("name", ONE), ("function", ANY)],
    "function": [("description", OPTIONAL), ("prototype", ONE)],
    "libraryDependencies": [("library", ANY)],
    "parameters": [("description", OPTIONAL), ("allowAny", ONE), ("parameter", ANY)],
    "parameter": [
        ("name", ONE),
        ("description", OPTIONAL),
        ("optional", ONE),
        ("rewriteAllowed", ONE),
        ("expressionMode", ONE),
        ("type", OPTIONAL),
        ("cardinality", OPTIONAL),
        ("portScope", OPTIONAL),
        ("customOutputFunction", OPTIONAL),
    ],
    "portScope": [("port", SOME)],
    "inputPorts": [("inputPortSet", ANY), ("inputPortOpenSet", OPTIONAL)],
    "inputPortSet": [
        ("description", OPTIONAL),
        ("windowingDescription", OPTIONAL),
        ("tupleMutationAllowed", ONE),
        ("windowingMode", ONE),
        ("windowPunctuationInputMode", ONE),
        ("controlPort", OPTIONAL),
        ("windowExpressionMode", OPTIONAL),
        ("rewriteAllowedForWindowExpression", OPTIONAL),
        ("cardinality", ONE),
        ("optional", ONE),
    ],
    "outputPorts": [("outputPortSet", ANY), ("outputPortOpenSet", OPTIONAL)],
    "outputPortSet": OUTPUT_PORT,
    "outputFunctions": [("default", ONE), ("type", ONE)],
}
FUNCTION_MODEL: dict[str, Children] = {
    **LIBRARY,
    "functionModel": [("functionSet", SOME)],
    "functionSet": [
        ("headerFileName", OPTIONAL),
        ("cppNamespaceName", OPTIONAL),
        ("functions", ONE),
        ("dependencies", OPTIONAL),
    ],
    "functions": [("function", SOME)],
    "function": [("description", OPTIONAL), ("prototype", ONE), ("javaFunctionName", OPTIONAL)],
    "dependencies": [("library", SOME)],
}
TOOLKIT_INFO: dict[str, Children] = {
    "toolkitInfoModel": [("identity", ONE), ("dependencies", ONE), ("resources", OPTIONAL), ("sabFiles", OPTIONAL)],
    "identity": [("name", ONE), ("description", ONE), ("version", ONE), ("requiredProductVersion", ONE)],
    "dependencies": [("toolkit", ANY)],
    "toolkit": [("common:name", ONE), ("common:version", ONE)],
    "resources": [("messageSet", SOME)],
    "messageSet": [("lang", SOME)],
}
# An element that is named twice has its values by its parent's name.
BOOLEAN = {"true", "false"}
MODES = {"Attribute", "AttributeFree", "Constant", "CustomLiteral", "Expression", "Nonexistent"}
VALUES: dict[str, set[str]] = {
    "kind": {"Gauge", "Counter", "Time"},
    "expressionMode": MODES,
    "providesSingleThreadedContext": {
        "Never",
        "Always",
        "WindowBound",
        "WindowTriggerBound",
        "WindowEvictionBound",
        "WindowPartitionEvictionBound",
    },
    "windowingMode": {"NonWindowed", "Windowed", "OptionallyWindowed"},
    "windowPunctuationInputMode": {"Expecting", "Oblivious", "WindowBound"},
    "windowPunctuationOutputMode": {"Generating", "Free", "Preserving"},
    **dict.fromkeys(
        ("optional", "rewriteAllowed", "allowAny", "tupleMutationAllowed", "autoAssignment", "completeAssignment"),
        BOOLEAN,
    ),
}
PARAMETERS = [
    "modelPath",
    "tokensPath",
    "audioAttribute",
    "conversationIdAttribute",
    "channelAttribute",
    "channelsAttribute",
    "sampleRateAttribute",
    "resultMode",
    "latencyMs",
    "sampleRate",
    "channels",
    "channel",
    "audioFormat",
    "blankId",
    "numThreads",
    "provider",
    "beamSize",
    "languageModel",
    "lexicon",
    "wordEnd",
    "hotWords",
    "maxAlternatives",
    "wordAlternativesThreshold",
    "keywordsToBeSpotted",
    "keywordsSpottingThreshold",
    "endpointSilenceMs",
    "conversationTimeout",
    "maxConversations",
    "errorPolicy",
]
METRICS = ["nAudioBytes", "nConversations", "nUtterances", "nErrors", "realTimeFactorPercent", "lastLatencyMs"]


def check(element: ElementTree.Element, rules: dict[str, Children], own: str) -> None:
    """The element, and all below it, have the children that the schema allows, in its order."""

    def short(tag: str) -> str:
        namespace, name = tag.removeprefix("{").split("}")
        return name if namespace == own else f"{namespace.removeprefix(PRODUCT)}:{name}"

    name = short(element.tag).removeprefix("common:")
    children = [short(child.tag) for child in element]
    if name not in rules:
        assert not children, f"{name} has children"
        assert name not in VALUES or (element.text or "") in VALUES[name], f"{name}: {element.text}"
        return
    position = 0
    for child, (fewest, most) in rules[name]:
        n = 0
        while position < len(children) and children[position] == child:
            position += 1
            n += 1
        assert fewest <= n <= most, f"{name}: {n} of {child}"
    assert position == len(children), f"{name}: {children[position]} is out of place"
    for child_element in element:
        check(child_element, rules, own)


@pytest.mark.parametrize(
    ("path", "rules", "kind"),
    [
        *((path, OPERATOR_MODEL, "operator") for path in OPERATORS),
        (NAMESPACE / "native.function" / "function.xml", FUNCTION_MODEL, "function"),
        *((path, TOOLKIT_INFO, "toolkitInfo") for path in sorted((ROOT / "spl").rglob("info.xml"))),
    ],
    ids=lambda value: value.parent.name if isinstance(value, Path) else "",
)
def test_models_follow_their_schemas(path: Path, rules: dict[str, Children], kind: str) -> None:
    root = ElementTree.parse(path).getroot()
    assert root.tag.startswith(f"{{{PRODUCT}{kind}}}")
    check(root, rules, PRODUCT + kind)


def test_the_check_finds_a_wrong_order() -> None:
    text = OPERATOR.read_text(encoding="utf-8")
    swapped = text.replace("<windowingMode>NonWindowed</windowingMode>", "", 1)
    with pytest.raises(AssertionError, match="windowingMode"):
        check(ElementTree.fromstring(swapped), OPERATOR_MODEL, PRODUCT + "operator")
    moved = text.replace("<parameters>", "<inputPorts/><parameters>", 1)
    with pytest.raises(AssertionError, match="cppOperatorModel"):
        check(ElementTree.fromstring(moved), OPERATOR_MODEL, PRODUCT + "operator")


def operator_names(path: str) -> list[str]:
    spaces = {"o": PRODUCT + "operator"}
    return [name.text or "" for name in ElementTree.parse(OPERATOR).getroot().iterfind(path, spaces)]


def test_the_operator_has_what_it_promises() -> None:
    assert operator_names(".//o:parameter/o:name") == PARAMETERS
    assert operator_names(".//o:metric/o:name") == METRICS
    descriptions = operator_names(".//o:description")
    assert all(text.strip() for text in descriptions)
    spaces = {"o": PRODUCT + "operator"}
    for tag in ("parameter", "metric", "function", "inputPortSet", "outputPortSet"):
        for element in ElementTree.parse(OPERATOR).getroot().iterfind(f".//o:{tag}", spaces):
            assert element.find("o:description", spaces) is not None


def test_templates_and_model_name_the_same_functions() -> None:
    prototypes = operator_names(".//o:prototype")
    model = {re.sub(r".*? (\w+)\(.*", r"\1", text.removeprefix("<any T> ")): text for text in prototypes}
    common = (OPERATOR.parent / "SpeechToTextCommon.pm").read_text(encoding="utf-8")
    perl = dict(re.findall(r"^    (get\w+|is\w+) +=> \[\['?([^']+?)'?\],", common, flags=re.MULTILINE))
    missing = {name for name in model if "Speaker" in name}
    assert set(model) - missing - {"AsIs"} == set(perl)
    for name, spl_type in perl.items():
        assert model[name] == ("<any T> T" if spl_type.startswith("$") else spl_type) + f" {name}()"
    for name in missing:
        assert name in common
    header = (OPERATOR.parent / "SpeechToText_h.cgt").read_text(encoding="utf-8")
    source = (OPERATOR.parent / "SpeechToText_cpp.cgt").read_text(encoding="utf-8")
    for name in perl:
        assert f" {name}() const" in header
    for name in METRICS:
        assert f'getCustomMetricByName("{name}")' in source
    descriptions = {f"{name}Attribute" for name in ("channel", "channels", "sampleRate")}
    for name in set(PARAMETERS) - descriptions:
        assert re.search(rf"\b{name}\b", source + common)
    assert '"${name}Attribute"' in common


@pytest.mark.parametrize("path", OPERATORS, ids=lambda path: path.stem)
def test_every_parameter_is_read(path: Path) -> None:
    """Of each operator model, by the template or the module of its kind."""
    code = "".join(file.read_text(encoding="utf-8") for file in sorted(path.parent.glob("*.[cp][gm]*")))
    code += "".join(file.read_text(encoding="utf-8") for file in sorted(OPERATOR.parent.glob("*.[cp][gm]*")))
    spaces = {"o": PRODUCT + "operator"}
    for name in ElementTree.parse(path).getroot().iterfind(".//o:parameter/o:name", spaces):
        assert name.text is not None
        known = re.search(rf"\b{name.text}\b", code) or name.text.removesuffix("Attribute") in code
        assert known, name.text


def test_messages_are_complete() -> None:
    tree = ElementTree.parse(TOOLKIT / "impl" / "nl" / "en_US" / "SpeechToTextResource.xlf").getroot()
    units = list(tree.iter("{urn:oasis:names:tc:xliff:document:1.1}trans-unit"))
    names = [unit.get("extraData") for unit in units]
    assert len(set(names)) == len(names) == len({unit.get("resname") for unit in units})
    common = "".join(path.read_text(encoding="utf-8") for path in sorted(NAMESPACE.glob("*/*Common.pm")))
    assert set(re.findall(r"SpeechToTextResource::(\w+)", common)) == set(names)
    for unit in units:  # Java's MessageFormat takes a single quote for the start of a literal
        source = unit.findtext("{urn:oasis:names:tc:xliff:document:1.1}source")
        assert "'" not in (source or "").replace("''", "")


def test_versions_agree() -> None:
    """Above 1.0.0: an installed toolkit of that version would be taken instead."""
    spaces = {"t": PRODUCT + "toolkitInfo", "common": PRODUCT + "common"}
    version = ElementTree.parse(TOOLKIT / "info.xml").getroot().findtext(".//t:version", namespaces=spaces)
    assert version is not None
    major = int(version.split(".")[0])
    assert major >= 2
    samples = sorted((TOOLKIT / "samples").glob("*/info.xml"))
    assert samples
    for sample in samples:
        root = ElementTree.parse(sample).getroot()
        assert root.findtext(".//common:version", namespaces=spaces) == f"[{version},{major + 1}.0.0)"
        assert root.findtext("t:identity/t:version", namespaces=spaces) == version


@pytest.mark.parametrize("path", sorted((ROOT / "spl").rglob("*.spl")), ids=lambda path: path.stem)
def test_spl_is_documented(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    declarations = re.findall(r"^(?:public composite|type)", text, flags=re.MULTILINE)
    assert len(re.findall(r"\*/\n(?:public composite|type)", text)) == len(declarations)
    for block in re.findall(r"/\*\*(.*?)\*/\npublic composite (.*?)\n  graph", text, flags=re.DOTALL):
        documented = set(re.findall(r"@(?:param|input|output) (\w+)", block[0]))
        declared = set(re.findall(r"expression<\w+> \$(\w+)", block[1]))
        declared |= set(re.findall(r"stream<\w+> (\w+)", block[1]))
        assert documented == declared


def test_nothing_generated_is_committed() -> None:
    patterns = ("toolkit.xml", "*_cpp.pm", "*_h.pm")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8")
    assert all(f"/spl/**/{pattern}" in ignored for pattern in patterns)


def test_no_header_of_the_session_names_streams() -> None:
    for path in sorted((TOOLKIT / "impl" / "include").glob("*.h")):
        text = path.read_text(encoding="utf-8")
        assert ("SPL/" in text) == (path.name == "AudioChannelFunctions.h"), path.name
