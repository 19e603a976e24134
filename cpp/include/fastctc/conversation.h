// A call: each channel of a recording is transcribed on its own, and what was said stands in order of time.
#pragma once

#include <vector>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/recognizer.h"
#include "fastctc/types.h"

namespace fastctc {

// Transcripts of one recording's channels, in order of channels, as one conversation. A segment is what a channel says
// between two of its pauses; where channels speak at once, their segments overlap. Times of a transcript's words must
// count from the start of the recording, and never decrease. Raises OptionError.
// Channels too long for memory go through one LongForm each; pass its transcripts here.
FASTCTC_API Conversation make_conversation(std::vector<Transcript> channels,
                                           const ConversationOptions& options = ConversationOptions());

// The same from audio: one view per channel. Raises as Recognizer::transcribe.
FASTCTC_API Conversation transcribe_channels(const Recognizer& recognizer, const std::vector<AudioView>& channels,
                                             const LongFormOptions& long_form = LongFormOptions(),
                                             const ConversationOptions& options = ConversationOptions());

}  // namespace fastctc
