/* A recording to text in C: offline_c MODEL RECORDING.wav */
#include <fastctc/c_api.h>
#include <stdio.h>

static int fail(void) {
  fprintf(stderr, "%s\n", fastctc_last_error());
  return 1;
}

int main(int argc, char** argv) {
  fastctc_options* options = NULL;
  fastctc_recognizer* recognizer = NULL;
  fastctc_audio* audio = NULL;
  fastctc_transcript* transcript = NULL;
  fastctc_word word;
  size_t i;
  int status = 1;

  if (argc != 3) {
    fprintf(stderr, "usage: offline_c MODEL RECORDING.wav\n");
    return 2;
  }
  if (fastctc_options_new(&options) != FASTCTC_OK ||
      fastctc_options_set(options, "session.intra_op_threads", "2") != FASTCTC_OK) {
    return fail();
  }
  if (fastctc_recognizer_load(argv[1], options, &recognizer) != FASTCTC_OK ||
      fastctc_audio_read_wav(argv[2], &audio) != FASTCTC_OK ||
      fastctc_transcribe(recognizer, fastctc_audio_samples(audio, -1), fastctc_audio_n_samples(audio),
                         fastctc_audio_sample_rate_hz(audio), NULL, &transcript) != FASTCTC_OK) {
    fail();
  } else {
    printf("%s\n", fastctc_transcript_text(transcript));
    for (i = 0; i < fastctc_transcript_n_words(transcript); ++i) {
      if (fastctc_transcript_word(transcript, i, &word) != FASTCTC_OK) break;
      printf("%6.2f %6.2f  %s (%.2f)\n", word.start_s, word.end_s, word.text, word.confidence);
    }
    status = 0;
  }
  fastctc_transcript_free(transcript);
  fastctc_audio_free(audio);
  fastctc_recognizer_free(recognizer);
  fastctc_options_free(options);
  return status;
}
