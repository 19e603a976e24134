"""The operator's templates, as far as they can be tried without Streams.

They are turned into Perl as the product does it, run over descriptions of operator instances, and what they generate is
compiled. Modules and headers of Streams are stood in for by our own (perl/, headers/): that the product's agree is not
tested.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import fastctc
from conftest import ROOT
from fastctc.installed.onnxruntime_library import find_library

TOOLKIT = ROOT / "spl" / "com.teracloud.streamsx.stt"
OPERATORS = TOOLKIT / "com.teracloud.streamsx.stt"
KINDS = ("SpeechToText", "NeMoSTT", "OnnxSTT", "FileAudioSource")
HERE = Path(__file__).parent
PERL = shutil.which("perl")
COMPILER = shutil.which("g++") or shutil.which("c++")
STANDARDS = ("c++11", "c++14", "c++17")  # the SPL compiler has the first; later ones by its option -x

pytestmark = [
    pytest.mark.skipif(PERL is None, reason="perl is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="Streams runs on Linux"),
]


def perl_of(path: Path) -> str:
    """The Perl program that a template stands for: text is printed, <%= %> is printed, <% %> runs."""
    pieces = []
    template = with_includes(path)
    for part in re.split(r"(<%.*?%>)", template, flags=re.DOTALL):
        if part.startswith("<%="):
            pieces.append(f"print({part[3:-2]});\n")
        elif part.startswith("<%"):
            pieces.append(part[2:-2] + "\n")
        elif part:
            pieces.append("print '" + part.replace("\\", "\\\\").replace("'", "\\'") + "';\n")
    return "use strict; use warnings;\nsub main::generate {\nmy ($model) = @_;\n" + "".join(pieces) + "}\n1;\n"


def with_includes(path: Path) -> str:
    """The template, with the templates that it includes in their places."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r'^@include "(.*)"\n', lambda match: with_includes(path.parent / match[1]), text, flags=re.MULTILINE)


def template_of(kind: str, part: str) -> Path:
    return OPERATORS / kind / f"{kind}_{part}.cgt"


def write_resources(folder: Path) -> None:
    """The module of messages, as the product makes it of the XLIFF file: a function a message."""
    tree = ElementTree.parse(TOOLKIT / "impl" / "nl" / "en_US" / "SpeechToTextResource.xlf")
    lines = ["package SpeechToTextResource;", "use strict; use warnings;"]
    for unit in tree.iter("{urn:oasis:names:tc:xliff:document:1.1}trans-unit"):
        source = unit.findtext("{urn:oasis:names:tc:xliff:document:1.1}source")
        assert source is not None
        text = source.replace("''", "'").replace("\\", "\\\\").replace("'", "\\'")
        body = f"my $text = '{text}'; $text =~ s/\\{{(\\d+)\\}}/$_[$1]/g; return '{unit.get('resname')}: ' . $text;"
        lines.append(f"sub {unit.get('extraData')} {{ {body} }}")
    (folder / "SpeechToTextResource.pm").write_text("\n".join([*lines, "1;", ""]), encoding="utf-8")


def run_perl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    includes = [f"-I{path}" for path in (folder, *(OPERATORS / kind for kind in KINDS), HERE / "perl")]
    assert PERL is not None
    return subprocess.run([PERL, "-w", *includes, *arguments], capture_output=True, text=True, check=False)


def generate(folder: Path, part: str, instance: dict[str, Any], warnings: list[str] | None = None) -> str:
    """What the template of a part ("h" or "cpp") gives. ValueError: its error, or a warning where none is expected."""
    write_resources(folder)
    kind = instance.get("context", {}).get("kind", "SpeechToText")
    (folder / "template.pm").write_text(perl_of(template_of(kind, part)), encoding="utf-8")
    (folder / "instance.json").write_text(json.dumps(instance), encoding="utf-8")
    result = run_perl(folder, "-Minstance", "-Mtemplate", "-e", f"run_template('{folder / 'instance.json'}')")
    said = [line.removeprefix("warning: ") for line in result.stderr.splitlines() if line.startswith("warning: ")]
    if result.returncode != 0 or len(said) < len(result.stderr.splitlines()) or (said and warnings is None):
        raise ValueError(result.stderr)
    if warnings is not None:
        warnings += said
    return result.stdout


def write_generated(folder: Path, instance: dict[str, Any]) -> None:
    header = generate(folder, "h", instance, [])
    # As the product's preprocessor qualifies the class outside its namespace.
    source = re.sub(
        r"\bMY_OPERATOR::",
        "MY_OPERATOR_SCOPE::MY_OPERATOR::",
        generate(folder, "cpp", instance, []),
    )
    (folder / "generated.h").write_text(header, encoding="utf-8")
    (folder / "generated.cpp").write_text(source, encoding="utf-8")


def attributes(**types: str) -> list[dict[str, str]]:
    return [{"name": name, "type": spl_type} for name, spl_type in types.items()]


# The output stream of an application of NeMoSTT: nothing is assigned.
PLAIN: dict[str, Any] = {
    "parameters": {"modelPath": [{"spl": '"model"', "cpp": "lit$0"}]},
    "input": attributes(audioChunk="blob", audioTimestamp="int64"),
    "outputs": [attributes(transcription="rstring", isFinal="boolean", confidence="float64")],
}
# Everything.
FULL: dict[str, Any] = {
    "parameters": {
        "modelPath": [{"spl": '"/models/en"', "cpp": "lit$0"}],
        "tokensPath": [{"spl": '"tokens.txt"', "cpp": "lit$0"}],
        "audioAttribute": [{"spl": "Calls.sound"}],
        "conversationIdAttribute": [{"spl": "Calls.callId"}],
        "resultMode": [{"spl": "partial"}],
        "latencyMs": [{"spl": "480"}],
        "sampleRate": [{"spl": "8000"}],
        "channels": [{"spl": "2"}],
        "channel": [{"spl": "1"}],
        "audioFormat": [{"spl": "mulaw"}],
        "blankId": [{"spl": "1024"}],
        "numThreads": [{"spl": "2"}],
        "provider": [{"spl": '"CPU"', "cpp": "lit$0"}],
        "beamSize": [{"spl": "8"}],
        "languageModel": [{"spl": '"en.lm"', "cpp": "lit$0"}],
        "lexicon": [{"spl": '"words.txt"', "cpp": "lit$0"}],
        "wordEnd": [{"spl": '"<wb>"', "cpp": "lit$0"}],
        "hotWords": [{"spl": '"a"', "cpp": "lit$0"}, {"spl": '"b:2"', "cpp": "lit$0"}],
        "maxAlternatives": [{"spl": "3"}],
        "endpointSilenceMs": [{"spl": "700"}],
        "wordAlternativesThreshold": [{"spl": "0.1"}],
        "keywordsToBeSpotted": [{"spl": '["a"]', "cpp": "lit$1"}],
        "keywordsSpottingThreshold": [{"spl": "0.2"}],
        "conversationTimeout": [{"spl": "30.0"}],
        "maxConversations": [{"spl": "8"}],
        "errorPolicy": [{"spl": "skip"}],
    },
    "input": attributes(
        sound="blob", callId="rstring", agent="rstring", channel="int32", channels="int32", sampleRate="int32"
    ),
    "outputs": [
        [
            {"name": "agent", "type": "rstring", "function": "AsIs", "expression": "iport$0.get_agent()"},
            {"name": "who", "type": "rstring", "expression": "iport$0.get_callId()"},
            {"name": "said", "type": "rstring", "function": "getUtteranceText"},
            {"name": "over", "type": "boolean", "function": "isTranscriptionCompleted"},
            {"name": "channel", "type": "int32", "function": "AsIs", "expression": "iport$0.get_channel()"},
            *attributes(
                utteranceNumber="int32",
                finalizedUtterance="boolean",
                utteranceStartTime="float64",
                utteranceEndTime="float64",
                utteranceWords="list<rstring>",
                utteranceWordsConfidences="list<float64>",
                utteranceWordsStartTimes="list<float64>",
                utteranceWordsEndTimes="list<float64>",
                utteranceAlternatives="list<rstring>",
                conversationId="rstring",
                wordAlternatives="list<list<rstring>>",
                wordAlternativesConfidences="list<list<float64>>",
                wordAlternativesStartTimes="list<float64>",
                wordAlternativesEndTimes="list<float64>",
                keywordsSpottingResults="map<rstring, list<map<rstring, float64>>>",
                sttErrorMessage="rstring",
                neverAssigned="rstring",
            ),
        ],
        [
            {"name": "callId", "type": "rstring", "function": "AsIs", "expression": "iport$0.get_callId()"},
            *attributes(errorMessage="rstring"),
        ],
    ],
    "context": {"consistent": True},
}
FILES: dict[str, Any] = {
    **PLAIN,
    "input": attributes(speech="rstring"),
    "outputs": [
        [
            {"name": "speech", "type": "rstring", "function": "AsIs", "expression": "iport$0.get_speech()"},
            *attributes(text="rstring"),
        ]
    ],
    "context": {"checkpoint": "periodic"},
}
# Applications of version 1.0.0.
NEMO: dict[str, Any] = {
    "parameters": {
        "modelPath": [{"spl": '"model.onnx"', "cpp": "lit$0"}],
        "tokensPath": [{"spl": '"tokens.txt"', "cpp": "lit$0"}],
        "audioFormat": [{"spl": "mono8k"}],
        "attContextRight": [{"spl": "4"}],
        "numThreads": [{"spl": "4"}],
    },
    "input": attributes(audioChunk="blob", audioTimestamp="uint64"),
    "outputs": [attributes(transcription="rstring")],
    "context": {"kind": "NeMoSTT"},
}
ONNX: dict[str, Any] = {
    "parameters": {
        "encoderModel": [{"spl": '"model.onnx"', "cpp": "lit$0"}],
        "vocabFile": [{"spl": '"tokens.txt"', "cpp": "lit$0"}],
        "cmvnFile": [{"spl": '"none"', "cpp": "lit$0"}],
        "blankId": [{"spl": "1024"}],
        "streamingMode": [{"spl": "true"}],
    },
    "input": attributes(audioChunk="blob", audioTimestamp="uint64"),
    "outputs": [attributes(text="rstring", isFinal="boolean", confidence="float64")],
    "context": {"kind": "OnnxSTT"},
}
SOURCE: dict[str, Any] = {
    "parameters": {
        "filename": [{"spl": '"call.wav"', "cpp": "lit$0"}],
        "blockSize": [{"spl": "3200u"}],
        "sampleRate": [{"spl": "16000"}],
        "bitsPerSample": [{"spl": "16"}],
        "channelCount": [{"spl": "1"}],
    },
    "outputs": [attributes(audioChunk="blob", audioTimestamp="uint64")],
    "context": {"kind": "FileAudioSource"},
}
CHUNKS: dict[str, Any] = {
    "parameters": {
        "file": [{"spl": '"call.wav"', "cpp": "lit$0"}],
        "conversationId": [{"spl": '"a"', "cpp": "lit$0"}],
        "chunkMs": [{"spl": "20"}],
        "channelMode": [{"spl": '"split"'}],
        "realTime": [{"spl": "true"}],
        "initDelay": [{"spl": "0.5"}],
        "windowMarker": [{"spl": "true"}],
    },
    "outputs": [
        attributes(conversationId="rstring", speech="blob", channel="int32", channels="int32", sampleRate="int32"),
        attributes(conversationId="rstring", errorMessage="rstring"),
    ],
    "context": {"kind": "FileAudioSource"},
}
INSTANCES = {
    "plain": PLAIN,
    "full": FULL,
    "files": FILES,
    "nemo": NEMO,
    "onnx": ONNX,
    "source": SOURCE,
    "chunks": CHUNKS,
}


@pytest.mark.parametrize("part", ["h", "cpp"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_tag_balances_and_the_perl_is_valid(tmp_path: Path, kind: str, part: str) -> None:
    text = with_includes(template_of(kind, part))
    depth = 0
    for tag in re.findall(r"<%|%>", text):
        depth += 1 if tag == "<%" else -1
        assert depth in (0, 1)
    assert depth == 0
    write_resources(tmp_path)
    (tmp_path / "template.pl").write_text(perl_of(template_of(kind, part)), encoding="utf-8")
    result = run_perl(tmp_path, "-c", str(tmp_path / "template.pl"))
    assert result.returncode == 0, result.stderr
    assert result.stderr.strip().endswith("syntax OK")


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("instance", INSTANCES)
def test_what_is_generated_compiles(tmp_path: Path, instance: str) -> None:
    write_generated(tmp_path, INSTANCES[instance])
    everywhere = instance in ("full", "chunks")
    compile_with_our_headers(tmp_path, tmp_path / "generated.cpp", STANDARDS if everywhere else STANDARDS[:1])


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_the_native_functions_compile(tmp_path: Path) -> None:
    source = tmp_path / "functions.cpp"
    source.write_text('#include "AudioChannelFunctions.h"\n', encoding="utf-8")
    compile_with_our_headers(tmp_path, source, STANDARDS[:1])


def compile_with_our_headers(folder: Path, source: Path, standards: tuple[str, ...]) -> None:
    (folder / "fastctc").mkdir()
    template = (ROOT / "cpp" / "include" / "fastctc" / "version.h.in").read_text(encoding="utf-8")
    (folder / "fastctc" / "version.h").write_text(re.sub(r"@\w+@", "0", template), encoding="utf-8")
    includes = (folder, HERE / "headers", TOOLKIT / "impl" / "include", ROOT / "cpp" / "include")
    for standard in standards:
        command = [str(COMPILER), f"-std={standard}", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
        command += [f"-I{path}" for path in includes]
        result = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_a_generated_operator_transcribes(tmp_path: Path) -> None:
    """Not the product's runtime: ours hands tuples to the operator and notes what it submits (driver.cpp)."""
    model = str(ROOT / "models" / "digits")
    literal = {"audioFormat": "wav", "errorPolicy": "skip", "resultMode": "utterance", "latencyMs": "480"}
    identifier = {"name": "callId", "type": "rstring", "function": "AsIs", "expression": "iport$0.get_callId()"}
    number = {"name": "number", "type": "int32", "function": "AsIs", "expression": "iport$0.get_number()"}
    instance = {
        "parameters": {
            "modelPath": [{"spl": "lit$0", "cpp": f'"{model}"'}],
            "conversationIdAttribute": [{"spl": "callId"}],
            **{name: [{"spl": value}] for name, value in literal.items()},
        },
        "input": attributes(speech="blob", callId="rstring", number="int32"),
        "outputs": [
            [
                identifier,
                number,
                *attributes(
                    transcription="rstring",
                    isFinal="boolean",
                    utteranceWords="list<rstring>",
                    transcriptionCompleted="boolean",
                ),
            ],
            [identifier, *attributes(errorMessage="rstring")],
        ],
        "context": {"consistent": True},
    }
    write_generated(tmp_path, instance)
    program = tmp_path / "driver"
    libraries = fastctc.get_library_dir()
    command = [str(COMPILER), "-std=c++11"]
    command += [f"-I{path}" for path in (tmp_path, HERE / "headers", TOOLKIT / "impl" / "include")]
    command += [f"-I{fastctc.get_include()}", str(HERE / "driver.cpp"), str(tmp_path / "generated.cpp")]
    command += [f"-L{libraries}", "-lfastctc", f"-Wl,-rpath,{libraries}", "-pthread", "-o", str(program)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    recording = ROOT / "models" / "digits" / "two-nine-three-four-zero.wav"
    library = find_library()[0]
    environment = {**os.environ, **({"FASTCTC_ONNXRUNTIME": library} if library else {})}
    result = subprocess.run(
        [str(program), str(recording)], capture_output=True, text=True, check=False, env=environment
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    text = "two nine three four zero"
    assert lines[:2] == ["replay: the same", "shutdown: silent"]
    both = []
    for call in ("b", "a"):  # as they ended
        both += [f"{call}: {text} 5 words, tuple 0, completed", "window marker"]
    assert lines[2:6] == both
    assert lines[6].startswith("bad error: Conversation 'bad': This is no WAV file.")
    assert lines[7:9] == ["bad:  0 words, tuple 1000, completed", "window marker"]
    metrics = dict(line.split() for line in lines[9:])
    assert metrics["nConversations"] == "3"
    assert metrics["nUtterances"] == "2"
    assert metrics["nErrors"] == "1"
    assert set(metrics) == set(re.findall(r'getCustomMetricByName\("(\w+)"', (tmp_path / "generated.cpp").read_text()))


def body(code: str, function: str) -> str:
    """From a function's head to the brace that closes it."""
    match = re.search(rf"MY_OPERATOR::{function}.*?\n}}", code, flags=re.DOTALL)
    assert match is not None
    return match.group(0)


def test_attributes_are_filled_as_documented(tmp_path: Path) -> None:
    plain = generate(tmp_path, "cpp", PLAIN)
    assigned = dict(re.findall(r"output\.set_(\w+)\((.*)\);", plain))
    assert assigned == {
        "transcription": "getUtteranceText()",
        "isFinal": "isFinalizedUtterance()",
        "confidence": "getConfidence()",
    }
    assert "last.set_audioChunk(SPL::blob())" in plain
    assert "reports_completion = false" in plain
    assert "std::string const id = std::string();" in plain
    assert "ErrorPolicy::fail" in plain
    assert "    about." not in plain
    warnings: list[str] = []
    generate(tmp_path, "h", FULL, warnings)
    full = generate(tmp_path, "cpp", FULL)
    assert [warning[:8] for warning in warnings] == ["STT0010W"]
    assert "neverAssigned" in warnings[0]
    assigned = dict(re.findall(r"output\.set_(\w+)\((.*)\);", body(full, "result")))
    assert assigned.pop("agent") == "iport$0.get_agent()"
    assert assigned.pop("who") == "iport$0.get_callId()"
    assert assigned.pop("said") == "getUtteranceText()"
    assert assigned.pop("over") == "isTranscriptionCompleted()"
    assert "neverAssigned" not in assigned
    assert assigned.pop("channel") == "getChannel()"  # the tuple's own is -1 where several are interleaved
    assert assigned.pop("keywordsSpottingResults").startswith("getKeywordsSpottingResults<SPL::map<SPL::rstring")
    assert len(assigned) == 15
    assert "word_alternatives = true" in full
    for description in ("channel", "n_channels", "sample_rate_hz"):
        assert f"about.{description} = " in full
    errors = dict(re.findall(r"output\.set_(\w+)\((.*)\);", body(full, "error")))
    assert errors == {"callId": "iport$0.get_callId()", "errorMessage": "getSTTErrorMessage()"}
    assert "reports_completion = true" in full
    assert "keeps_audio = true" in full
    assert "ResultMode::partial" in full
    assert "AudioFormat::mulaw" in full
    assert full.count("hot_words.push_back") == 2
    files = generate(tmp_path, "cpp", FILES)
    assert "push_file" in files
    assert "AudioFormat::wav" in files
    assert "std::string const id = path;" in files
    assert "last.set_" not in files  # the path is forwarded


def test_what_is_found_by_its_name(tmp_path: Path) -> None:
    named = changed(PLAIN, input=attributes(speech="blob", conversationId="rstring", channel="rstring"))
    code = generate(tmp_path, "cpp", named)
    assert "std::string const id = asText(iport$0.get_conversationId());" in code
    assert "about.channel = " not in code  # of another type: not the description
    files = changed(FILES, input=attributes(speech="rstring", conversationId="rstring"))
    assert "std::string const id = path;" in generate(tmp_path, "cpp", files)
    other = with_parameter("channelAttribute", "Calls.line")
    other = changed(other, input=attributes(speech="blob", line="uint8", channel="int32"))
    assert "about.channel = static_cast<int>(iport$0.get_line());" in generate(tmp_path, "cpp", other)


def test_applications_of_the_earlier_version_keep_their_parameters(tmp_path: Path) -> None:
    warnings: list[str] = []
    generate(tmp_path, "h", NEMO, warnings)
    nemo = generate(tmp_path, "cpp", NEMO)
    assert "options.sample_rate_hz = 8000;" in nemo
    assert "options.num_threads = 4;" in nemo
    assert "options.result_mode = speech_to_text::ResultMode::complete;" in nemo
    assert "options.audio_format = speech_to_text::AudioFormat::pcm16;" in nemo
    assert "output.set_transcription(getUtteranceText());" in nemo
    assert len(warnings) == 1
    assert warnings[0].startswith("STT0011W")
    assert "attContextRight" in warnings[0]
    onnx = generate(tmp_path, "cpp", ONNX)
    assert "options.model_path = speech_to_text::in_data_directory(lit$0, getPE());" in onnx
    assert "(true) ? speech_to_text::ResultMode::partial : speech_to_text::ResultMode::complete" in onnx
    assert "output.set_text(getUtteranceText());" in onnx
    source = generate(tmp_path, "cpp", SOURCE)
    assert "options.chunk_bytes = 3200u;" in source
    assert "output.set_audioTimestamp(timestampMs);" in source
    assert "throw SPL::SPLRuntimeOperatorException(getContext().getName(), message);" in source
    assert "throw SPL::SPLRuntimeOperatorException" not in generate(tmp_path, "cpp", CHUNKS)


def changed(instance: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**instance, **changes}


def with_parameter(name: str, spl: str) -> dict[str, Any]:
    return changed(PLAIN, parameters={**PLAIN["parameters"], name: [{"spl": spl}]})


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        (changed(PLAIN, input=attributes(sound="blob")), "STT0002E"),
        (changed(PLAIN, input=attributes(speech="int32")), "STT0003E"),
        (with_parameter("audioAttribute", "nothing"), "STT0002E"),
        (
            changed(with_parameter("conversationIdAttribute", "id"), input=attributes(speech="blob", id="float64")),
            "STT0004E",
        ),
        (changed(PLAIN, outputs=[attributes(transcription="int32")]), "STT0005E.*transcription.*int32.*rstring"),
        (
            changed(PLAIN, outputs=[[{"name": "x", "type": "rstring", "function": "getConfidence"}]]),
            "STT0005E.*getConfidence",
        ),
        (
            changed(PLAIN, outputs=[attributes(), [{"name": "x", "type": "float64", "function": "getConfidence"}]]),
            "STT0006E.*getConfidence",
        ),
        (
            changed(PLAIN, outputs=[[{"name": "x", "type": "list<int32>", "function": "getUtteranceWordsSpeakers"}]]),
            "STT0009E.*getUtteranceWordsSpeakers.*getChannel",
        ),
        (
            changed(PLAIN, outputs=[attributes(keywordsSpottingResults="map<rstring, float64>")]),
            "STT0005E.*keywordsSpottingResults",
        ),
        (
            changed(with_parameter("channelAttribute", "line"), input=attributes(speech="blob", line="rstring")),
            "STT0008E.*line.*rstring.*channelAttribute",
        ),
        (with_parameter("maxConversations", "0"), "STT0007E.*maxConversations"),
        (with_parameter("maxAlternatives", "0"), "STT0007E.*maxAlternatives"),
        (with_parameter("sampleRate", "8"), "STT0007E.*sampleRate"),
        (changed(PLAIN, context={"consistent": True, "start": True}), "STT0001E"),
        (changed(SOURCE, parameters={}), "STT0012E"),
        (changed(SOURCE, parameters={**SOURCE["parameters"], **CHUNKS["parameters"]}), "STT0012E"),
        (changed(SOURCE, parameters={**SOURCE["parameters"], "chunkMs": [{"spl": "20"}]}), "STT0013E"),
        (changed(SOURCE, outputs=[attributes(conversationId="rstring")]), "STT0014E"),
        (changed(SOURCE, outputs=[attributes(speech="blob", channel="rstring")]), "STT0015E.*channel.*int32"),
        (changed(SOURCE, parameters={**SOURCE["parameters"], "channelMode": [{"spl": '"both"'}]}), 'STT0016E.*"both"'),
    ],
)
def test_mistakes_are_found_at_compile_time(tmp_path: Path, instance: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(tmp_path, "h", instance)
