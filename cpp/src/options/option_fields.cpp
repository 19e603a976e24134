#include "options/option_fields.h"

#include "options/option_table.h"

namespace fastctc {

void set_fields(SessionOptions& options, const std::string& json) {
  read_fields(options, parse_object(json), "session.");
}
void set_fields(ModelOptions& options, const std::string& json) { read_fields(options, parse_object(json), ""); }
void set_fields(ConfidenceOptions& options, const std::string& json) {
  read_fields(options, parse_object(json), "confidence.");
}
void set_fields(DecoderOptions& options, const std::string& json) {
  read_fields(options, parse_object(json), "decoder.");
}
void set_fields(VadOptions& options, const std::string& json) { read_fields(options, parse_object(json), "vad."); }
void set_fields(StreamOptions& options, const std::string& json) { read_fields(options, parse_object(json), ""); }
void set_fields(LongFormOptions& options, const std::string& json) { read_fields(options, parse_object(json), ""); }

}  // namespace fastctc
