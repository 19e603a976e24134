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

namespace speech_to_text {

// Samples in, results out, times counted from the start of the conversation. A live channel is a stream of the model's
// pool: push() and finish() hand audio over, the pool's steps recognise it, collect() takes what they gave. The state
// is the audio: a channel that gets the same samples, in whatever pieces, gives the same final results, and that is how
// it is restored.
class SpeechToTextChannel {
 public:
  using Results = std::vector<fastctc::StreamResult>;

  SpeechToTextChannel(const SpeechToTextModel& model, const SpeechToTextOptions& options, int sample_rate_hz)
      : keeps_audio_(options.keeps_audio), keeps_audio_s_(options.keeps_audio_s), sample_rate_hz_(sample_rate_hz) {
    if (model.pool) {
      stream_.reset(new fastctc::Stream(model.pool->open()));
    } else {
      long_form_.reset(new fastctc::LongForm(model.recognizer, model.long_form));
    }
  }

  void push(const std::vector<float>& samples) {
    if (samples.empty()) return;
    if (keeps_audio_) kept_.insert(kept_.end(), samples.begin(), samples.end());
    n_samples_ += samples.size();
    if (long_form_) {
      long_form_->push(view(samples));
    } else {
      stream_->push(view(samples));
    }
  }

  // No more audio. The last results are there once it is not ready any more.
  void finish() {
    is_finished_ = true;
    if (long_form_) {
      transcript_ = long_form_->finish();
    } else {
      stream_->finish();
    }
  }

  // Appends the results since the last call. Raises the error that stopped the recognition.
  void collect(Results& results) {
    if (stream_) {
      while (take_until_restart(results)) {
        if (!kept_.empty()) stream_->push(view(kept_));
        if (is_finished_) stream_->finish();
      }
    } else if (is_finished_ && !is_given_) {
      is_given_ = true;
      fastctc::StreamResult result;
      result.is_final = true;
      result.cause = fastctc::EndpointCause::finish;
      result.end_s = pushed_s();
      result.transcript = std::move(transcript_);
      results.push_back(std::move(result));
    }
  }

  // Whether a step of the pool would recognise some of what was pushed, and whether that is a lot.
  bool is_ready() const { return stream_ && stream_->ready(); }
  bool is_behind() const { return is_ready() && stream_->pushed_s() - stream_->decoded_s() > kBacklogS(); }

  double pushed_s() const { return static_cast<double>(n_samples_) / sample_rate_hz_; }
  int n_utterances() const { return n_utterances_; }
  void count_utterance() { ++n_utterances_; }

  void save(StateWriter& writer) const {
    writer.integer(n_utterances_);
    writer.integer(static_cast<std::int64_t>(n_samples_ - kept_.size()));
    writer.integer(static_cast<std::int64_t>(n_given_));
    writer.samples(kept_);
  }
  // Into a new channel. What the audio gave before save() will not be given again.
  void restore(StateReader& reader) {
    n_utterances_ = static_cast<int>(reader.integer());
    n_samples_ = static_cast<std::size_t>(reader.integer());
    base_s_ = pushed_s();
    n_given_ = n_to_drop_ = static_cast<std::size_t>(reader.integer());
    push(reader.samples());
  }

 private:
  // More audio than a step takes at any look-ahead, little enough that memory stays small.
  static double kBacklogS() { return 4.0; }

  fastctc::AudioView view(const std::vector<float>& samples) const {
    fastctc::AudioView audio;
    audio.samples = samples.data();
    audio.n_samples = samples.size();
    audio.sample_rate_hz = sample_rate_hz_;
    return audio;
  }

  // Whether the stream was reset, to start afresh with the audio that is kept. What comes after an utterance depends
  // on the audio before it too: without that it can only be reproduced from a fresh start.
  bool take_until_restart(Results& results) {
    for (fastctc::StreamResult& result : stream_->take()) {
      if (n_to_drop_ > 0) {
        --n_to_drop_;
        continue;
      }
      ++n_given_;
      const std::size_t n_done = static_cast<std::size_t>(std::lround(result.end_s * sample_rate_hz_));
      const bool restarts = keeps_audio_ && result.is_final && result.cause != fastctc::EndpointCause::finish &&
                            result.end_s > keeps_audio_s_ && n_done > 0 && n_done <= kept_.size();
      shift(result);
      results.push_back(std::move(result));
      if (restarts) {
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(n_done));
        base_s_ = static_cast<double>(n_samples_ - kept_.size()) / sample_rate_hz_;
        n_given_ = 0;
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
  fastctc::Transcript transcript_;                // of long_form_, when it has finished
  std::vector<float> kept_;                       // the last samples, from where the stream started
  double base_s_ = 0;                             // where that was
  std::size_t n_given_ = 0;                       // results since the stream started
  std::size_t n_to_drop_ = 0;                     // of those, which come again after restore()
  std::size_t n_samples_ = 0;
  int n_utterances_ = 0;
  bool is_finished_ = false;
  bool is_given_ = false;  // transcript_
};

}  // namespace speech_to_text
