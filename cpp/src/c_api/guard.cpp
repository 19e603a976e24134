#include "c_api/guard.h"

#include <exception>
#include <new>

#include "fastctc/acoustic_model.h"
#include "fastctc/log.h"
#include "fastctc/version.h"

namespace fastctc::c_api {
namespace {

std::string& last_error() noexcept {
  static thread_local std::string message;
  return message;
}

fastctc_status keep(fastctc_status status, const char* message) noexcept {
  try {
    last_error() = message;
  } catch (...) {  // out of memory: there is no message
    last_error().clear();
  }
  return status;
}

}  // namespace

fastctc_status report_exception() noexcept {
  try {
    throw;
  } catch (const ArgumentError& error) {
    return keep(FASTCTC_ERROR_ARGUMENT, error.what());
  } catch (const StateError& error) {
    return keep(FASTCTC_ERROR_STATE, error.what());
  } catch (const OptionError& error) {
    return keep(FASTCTC_ERROR_OPTION, error.what());
  } catch (const AudioNotFoundError& error) {
    return keep(FASTCTC_ERROR_AUDIO_NOT_FOUND, error.what());
  } catch (const AudioError& error) {
    return keep(FASTCTC_ERROR_AUDIO, error.what());
  } catch (const ModelNotFoundError& error) {
    return keep(FASTCTC_ERROR_MODEL_NOT_FOUND, error.what());
  } catch (const VocabularyError& error) {
    return keep(FASTCTC_ERROR_VOCABULARY, error.what());
  } catch (const ModelError& error) {
    return keep(FASTCTC_ERROR_MODEL, error.what());
  } catch (const AlignmentError& error) {
    return keep(FASTCTC_ERROR_ALIGNMENT, error.what());
  } catch (const EngineNotFoundError& error) {
    return keep(FASTCTC_ERROR_ENGINE_NOT_FOUND, error.what());
  } catch (const EngineError& error) {
    return keep(FASTCTC_ERROR_ENGINE, error.what());
  } catch (const Error& error) {  // the base class itself: two threads in one stream
    return keep(FASTCTC_ERROR_STATE, error.what());
  } catch (const std::bad_alloc&) {
    return keep(FASTCTC_ERROR, "Out of memory.");
  } catch (const std::exception& error) {
    return keep(FASTCTC_ERROR, error.what());
  } catch (...) {
    return keep(FASTCTC_ERROR, "An exception that does not derive from std::exception was raised.");
  }
}

}  // namespace fastctc::c_api

using namespace fastctc::c_api;

const char* fastctc_version(void) { return FASTCTC_VERSION; }
int fastctc_c_api_version(void) { return FASTCTC_C_API_VERSION; }
const char* fastctc_last_error(void) { return last_error().c_str(); }

const char* fastctc_status_name(int status) {
  static constexpr const char* kNames[] = {"FASTCTC_OK",
                                           "FASTCTC_ERROR",
                                           "FASTCTC_ERROR_ARGUMENT",
                                           "FASTCTC_ERROR_STATE",
                                           "FASTCTC_ERROR_OPTION",
                                           "FASTCTC_ERROR_AUDIO",
                                           "FASTCTC_ERROR_AUDIO_NOT_FOUND",
                                           "FASTCTC_ERROR_MODEL",
                                           "FASTCTC_ERROR_MODEL_NOT_FOUND",
                                           "FASTCTC_ERROR_VOCABULARY",
                                           "FASTCTC_ERROR_ALIGNMENT",
                                           "FASTCTC_ERROR_ENGINE",
                                           "FASTCTC_ERROR_ENGINE_NOT_FOUND"};
  static_assert(sizeof kNames / sizeof *kNames == FASTCTC_ERROR_ENGINE_NOT_FOUND + 1, "a name each");
  return status >= 0 && status <= FASTCTC_ERROR_ENGINE_NOT_FOUND ? kNames[status] : "";
}

fastctc_status fastctc_set_log_callback(fastctc_log_callback callback, void* user_data) {
  return guarded([&] {
    if (!callback) return fastctc::set_log_callback(nullptr);
    fastctc::set_log_callback([=](fastctc::LogLevel level, const std::string& message) {
      callback(static_cast<int>(level), message.c_str(), user_data);
    });
  });
}

fastctc_status fastctc_open_engine(const char* library, const char** version) {
  if (version) *version = nullptr;
  return guarded([&] {
    const fastctc::EngineInfo info = fastctc::open_engine(library ? library : "");
    static const std::string kept = info.version;  // one per process
    if (version) *version = kept.c_str();
  });
}
