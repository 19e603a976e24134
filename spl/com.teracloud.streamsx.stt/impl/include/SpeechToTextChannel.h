// One channel of one conversation.
#pragma once

#include <fastctc/long_form.h>
#include <fastctc/stream.h>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "SpeechToTextModel.h"
#include "SpeechToTextState.h"

namespace com {
namespace teracloud {
namespace streamsx {
namespace stt {

// Samples in, results out, times counted from the start of the conversation. The state is the audio: a channel that
// gets the same samples, in whatever pieces, gives the same final results, and that is how it is restored.
class SpeechToTextChannel {
 public:
  using Results = std::vector<fastctc::StreamResult>;

  SpeechToTextChannel(const SpeechToTextModel& model, const SpeechToTextOptions& options, int sample_rate_hz)
      : keeps_audio_(options.keeps_audio), keeps_audio_s_(options.keeps_audio_s), sample_rate_hz_(sample_rate_hz) {
    if (options.result_mode == ResultMode::complete) {
      long_form_.reset(new fastctc::LongForm(*model.recognizer, model.long_form));
    } else {
      fastctc::StreamOptions stream = model.stream;
      stream.sample_rate_hz = sample_rate_hz;
      stream_.reset(new fastctc::Stream(*model.recognizer, stream));
    }
  }

  void push(const std::vector<float>& samples, Results& results) {
    if (samples.empty()) return;
    if (keeps_audio_) kept_.insert(kept_.end(), samples.begin(), samples.end());
    n_samples_ += samples.size();
    if (long_form_) {
      long_form_->push({samples.data(), samples.size(), sample_rate_hz_});
    } else {
      stream_->push({samples.data(), samples.size(), sample_rate_hz_});
      take(results);
    }
  }

  void finish(Results& results) {
    finished_ = true;
    if (long_form_) {
      fastctc::StreamResult result;
      result.is_final = true;
      result.cause = fastctc::EndpointCause::finish;
      result.end_s = pushed_s();
      result.transcript = long_form_->finish();
      results.push_back(std::move(result));
    } else {
      stream_->finish();
      take(results);
    }
  }

  double pushed_s() const { return static_cast<double>(n_samples_) / sample_rate_hz_; }
  int n_utterances() const { return n_utterances_; }
  void count_utterance() { ++n_utterances_; }

  void save(StateWriter& writer) const {
    writer.integer(n_utterances_);
    writer.integer(static_cast<std::int64_t>(n_samples_ - kept_.size()));
    writer.samples(kept_);
  }
  // Into a new channel. Everything up to here was given out before: the results of the replay are dropped.
  void restore(StateReader& reader) {
    n_utterances_ = static_cast<int>(reader.integer());
    n_samples_ = static_cast<std::size_t>(reader.integer());
    base_s_ = pushed_s();
    const std::vector<float> samples = reader.samples();
    Results dropped;
    push(samples, dropped);
  }

 private:
  void take(Results& results) {
    while (take_until_restart(results)) {
      if (!kept_.empty()) stream_->push({kept_.data(), kept_.size(), sample_rate_hz_});
      if (finished_) stream_->finish();
    }
  }
  // Whether the stream was reset, to start afresh with the audio that is kept. What comes after an utterance depends
  // on the audio before it too: without that it can only be reproduced from a fresh start.
  bool take_until_restart(Results& results) {
    for (fastctc::StreamResult& result : stream_->take()) {
      const std::size_t n_done = static_cast<std::size_t>(std::lround(result.end_s * sample_rate_hz_));
      const bool restarts = keeps_audio_ && result.is_final && result.cause != fastctc::EndpointCause::finish &&
                            result.end_s > keeps_audio_s_ && n_done > 0 && n_done <= kept_.size();
      shift(result);
      results.push_back(std::move(result));
      if (restarts) {
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(n_done));
        base_s_ = static_cast<double>(n_samples_ - kept_.size()) / sample_rate_hz_;
        stream_->reset();
        return true;
      }
    }
    return false;
  }
  void shift(fastctc::StreamResult& result) const {
    result.start_s += base_s_;
    result.end_s += base_s_;
    for (fastctc::Word& word : result.transcript.words) {
      word.start_s += base_s_;
      word.end_s += base_s_;
    }
  }

  bool keeps_audio_;
  double keeps_audio_s_;
  int sample_rate_hz_;
  std::unique_ptr<fastctc::Stream> stream_;       // one of the two
  std::unique_ptr<fastctc::LongForm> long_form_;  //
  std::vector<float> kept_;                       // the last samples, from where the stream started
  double base_s_ = 0;                             // where that was
  std::size_t n_samples_ = 0;
  int n_utterances_ = 0;
  bool finished_ = false;
};

}  // namespace stt
}  // namespace streamsx
}  // namespace teracloud
}  // namespace com
