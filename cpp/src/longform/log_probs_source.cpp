#include "longform/log_probs_source.h"

#include <algorithm>

#include "fastctc/vocabulary.h"
#include "frontend/normalize.h"
#include "longform/window_plan.h"

namespace fastctc::longform {
namespace {

// The source for recordings too long for one run.
std::unique_ptr<Source> make_longer(const Recognizer& recognizer, const LongFormOptions& options) {
  // Steps of a model that normalises over the utterance would hold the features of hours.
  const bool streams = !frontend::needs_whole_utterance(recognizer.frontend().options().normalize);
  if (streams || !recognizer.has_offline_graph()) {
    if (const StreamingModel* model = recognizer.long_form_model()) {
      return make_steps(recognizer.frontend(), *model, "steps");
    }
  }
  if (recognizer.has_offline_graph()) {
    return make_windows(recognizer.frontend(), recognizer.acoustic_model(),
                        static_cast<std::size_t>(recognizer.vocabulary().blank_id()), options);
  }
  return make_steps(recognizer.frontend(), recognizer.streaming_model(), "stream");
}

}  // namespace

Source::~Source() = default;

std::size_t one_shot_max_samples(const Recognizer& recognizer, const LongFormOptions& options) {
  validate(options);
  if (!recognizer.has_offline_graph()) return 0;
  const auto wanted = static_cast<std::size_t>(options.one_shot_max_s * recognizer.sample_rate_hz());
  return std::min(wanted, max_samples(recognizer.frontend(), recognizer.acoustic_model()));
}

std::unique_ptr<Source> make_source(const Recognizer& recognizer, const LongFormOptions& options) {
  validate(options);
  if (!recognizer.has_offline_graph()) return make_longer(recognizer, options);
  return make_one_shot(recognizer.frontend(), recognizer.acoustic_model(), one_shot_max_samples(recognizer, options),
                       [recognizer, options] { return make_longer(recognizer, options); });
}

}  // namespace fastctc::longform
