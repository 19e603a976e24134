// One function a noun, called by module.cpp in this order.
#pragma once

#include <pybind11/pybind11.h>

void bind_errors(pybind11::module_& module);
void bind_log(pybind11::module_& module);
void bind_audio(pybind11::module_& module);
void bind_frontend(pybind11::module_& module);
void bind_acoustic_model(pybind11::module_& module);
void bind_stream(pybind11::module_& module);
void bind_streaming_model(pybind11::module_& module);
void bind_speech_detector(pybind11::module_& module);
void bind_vocabulary(pybind11::module_& module);
void bind_conversation(pybind11::module_& module);
void bind_hot_words(pybind11::module_& module);
void bind_lexicon(pybind11::module_& module);
void bind_language_model(pybind11::module_& module);
void bind_decoder(pybind11::module_& module);
void bind_recognizer(pybind11::module_& module);
void bind_long_form(pybind11::module_& module);
