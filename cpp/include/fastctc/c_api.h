/* fastctc for C, and for every language and compiler that calls C: C99, C++98 and later.
 *
 * Errors. Functions that can fail return a fastctc_status: FASTCTC_OK (0) or the class of the error;
 * fastctc_last_error() is its message, of the calling thread. Accessors return a value. If the handle is NULL or an
 * index is out of range they return 0, -1 or NULL, as documented with each, and leave a message too. No function
 * throws, prints or exits.
 *
 * Ownership. Handles are opaque; each belongs to the caller and is freed by the function named after it, which takes
 * NULL too. Handles keep what they need: a recognizer may be freed while its streams live. Out-parameters are set to
 * NULL or 0 on failure. Strings and pointers that a handle gives are UTF-8, never NULL on success, and live as long as
 * the handle. Arrays that go in are read during the call alone.
 *
 * Threads. A recognizer, options that no one changes, transcripts, conversations, recordings in memory and results may
 * be used by any number of threads at once, a pool too. A stream and a long recording are fed by one thread at a time.
 *
 * Units. Seconds (_s), Hz (_hz), natural logarithms (scores, log_prob), confidence from 0 to 1. Samples are float in
 * [-1, 1] or int16. A rate of 0 is the model's own (of a stream: the stream's); any other rate is resampled.
 *
 * Stability. Within a major version functions and enumerators are only added, structs do not change. */
#ifndef FASTCTC_C_API_H
#define FASTCTC_C_API_H

#include <stddef.h>

#include "fastctc/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FASTCTC_C_API_VERSION 1

/* 16 bits on every machine that this runs on. */
typedef short fastctc_int16;

typedef enum fastctc_status {
  FASTCTC_OK = 0,
  FASTCTC_ERROR = 1,                  /* any other, out of memory among them */
  FASTCTC_ERROR_ARGUMENT = 2,         /* NULL instead of a handle or pointer, an index out of range */
  FASTCTC_ERROR_STATE = 3,            /* a call in the wrong order: audio after finish */
  FASTCTC_ERROR_OPTION = 4,           /* an option is out of range, unknown, or contradicts another one */
  FASTCTC_ERROR_AUDIO = 5,            /* the audio can't be used */
  FASTCTC_ERROR_AUDIO_NOT_FOUND = 6,  /* there is no such recording */
  FASTCTC_ERROR_MODEL = 7,            /* the model directory, its graph or manifest can't be used */
  FASTCTC_ERROR_MODEL_NOT_FOUND = 8,  /* a file of the model is not there */
  FASTCTC_ERROR_VOCABULARY = 9,       /* the token list can't be used */
  FASTCTC_ERROR_ALIGNMENT = 10,       /* the text can't be aligned to the audio */
  FASTCTC_ERROR_ENGINE = 11,          /* ONNX Runtime failed */
  FASTCTC_ERROR_ENGINE_NOT_FOUND = 12 /* the ONNX Runtime library is missing, or too old */
} fastctc_status;

/* Version of the library, as "0.1.0", and FASTCTC_C_API_VERSION as it was built with. */
FASTCTC_API const char* fastctc_version(void);
FASTCTC_API int fastctc_c_api_version(void);
/* The enumerator's name, as "FASTCTC_ERROR_AUDIO"; "" of another number. */
FASTCTC_API const char* fastctc_status_name(int status);
/* Message of the last error in this thread: what was wrong, where, what to do; "" where there was none. Lives until the
 * thread's next call that fails. */
FASTCTC_API const char* fastctc_last_error(void);

/* Messages of the library, which prints none. level: 10 debug, 20 info, 30 warning, 40 error. Called from any thread;
 * it must not throw or jump out. NULL: none (the default). One per process; a replaced callback may still be running in
 * another thread. */
typedef void (*fastctc_log_callback)(int level, const char* message, void* user_data);
FASTCTC_API fastctc_status fastctc_set_log_callback(fastctc_log_callback callback, void* user_data);

/* Opens ONNX Runtime, before the first model is loaded or instead of the option session.library. library: its path;
 * NULL or "": FASTCTC_ONNXRUNTIME, else beside libfastctc, else the system's. One per process. version: NULL, or takes
 * the version's text, which lives as long as the process. */
FASTCTC_API fastctc_status fastctc_open_engine(const char* library, const char** version);

/* ---- Options: names and values, checked where they are used. Wherever options are taken NULL is the defaults. Names
 * are those of fastctc/options.h (and of Python): fields of a struct within a struct have a dot, "decoder.beam_size".
 * docs/options.md lists them all with their ranges and defaults.
 *   loading        ModelOptions, and "session." for SessionOptions
 *   transcription  LongFormOptions, and "conversation." for ConversationOptions where channels are transcribed
 *   streams        StreamOptions
 * One handle serves one of these. A recognizer keeps the decoders that the last 8 different settings of "decoder."
 * made: a language model is not read anew for every call, nor when its file changes. */
typedef struct fastctc_options fastctc_options;
FASTCTC_API fastctc_status fastctc_options_new(fastctc_options** options);
FASTCTC_API void fastctc_options_free(fastctc_options* options);
/* One option from text. "decoder.language_model" and "decoder.lexicon" are paths, "decoder.hot_words" is one phrase per
 * line, with its bonus or without: "account number:6". */
FASTCTC_API fastctc_status fastctc_options_set(fastctc_options* options, const char* name, const char* value);
/* Several from a JSON object (fastctc/configuration.h): {"latency_ms": 80, "decoder": {"kind": "beam"}}; null is the
 * default again. */
FASTCTC_API fastctc_status fastctc_options_set_json(fastctc_options* options, const char* json);
/* What is set, as JSON. It lives until the handle is changed. NULL on error. */
FASTCTC_API const char* fastctc_options_json(fastctc_options* options);

/* ---- Recognizer: a model, loaded. Immutable. */
typedef struct fastctc_recognizer fastctc_recognizer;
/* path: a model directory, or an ONNX file in one. */
FASTCTC_API fastctc_status fastctc_recognizer_load(const char* path, const fastctc_options* options,
                                                   fastctc_recognizer** recognizer);
FASTCTC_API void fastctc_recognizer_free(fastctc_recognizer* recognizer);
FASTCTC_API int fastctc_recognizer_sample_rate_hz(const fastctc_recognizer* recognizer); /* 0 on error */
FASTCTC_API double fastctc_recognizer_frame_s(const fastctc_recognizer* recognizer);     /* 0 on error */
/* The vocabulary, blank included. 0, -1, NULL on error. */
FASTCTC_API size_t fastctc_recognizer_n_tokens(const fastctc_recognizer* recognizer);
FASTCTC_API int fastctc_recognizer_blank_id(const fastctc_recognizer* recognizer);
FASTCTC_API const char* fastctc_recognizer_piece(const fastctc_recognizer* recognizer, size_t token_id);
/* Look-aheads that live streams can have, ascending. 0, -1 on error. */
FASTCTC_API size_t fastctc_recognizer_n_latencies(const fastctc_recognizer* recognizer);
FASTCTC_API int fastctc_recognizer_latency_ms(const fastctc_recognizer* recognizer, size_t index);
/* 1 where the directory has a graph for whole recordings, else 0; -1 on error. */
FASTCTC_API int fastctc_recognizer_has_offline_graph(const fastctc_recognizer* recognizer);
/* Every resolved property of the model and where its value came from. */
FASTCTC_API size_t fastctc_recognizer_n_properties(const fastctc_recognizer* recognizer);
FASTCTC_API fastctc_status fastctc_recognizer_property(const fastctc_recognizer* recognizer, size_t index,
                                                       const char** name, const char** value, const char** source);

/* ---- Audio: a WAV file in memory. */
typedef struct fastctc_audio fastctc_audio;
FASTCTC_API fastctc_status fastctc_audio_read_wav(const char* path, fastctc_audio** audio);
FASTCTC_API void fastctc_audio_free(fastctc_audio* audio);
FASTCTC_API int fastctc_audio_sample_rate_hz(const fastctc_audio* audio); /* 0 on error */
FASTCTC_API size_t fastctc_audio_n_channels(const fastctc_audio* audio);  /* 0 on error */
FASTCTC_API size_t fastctc_audio_n_samples(const fastctc_audio* audio);   /* of one channel; 0 on error */
/* Samples of a channel, from 0; -1: the mean of all. NULL on error. */
FASTCTC_API const float* fastctc_audio_samples(const fastctc_audio* audio, int channel);

/* ---- Transcript: what was said. */
typedef struct fastctc_transcript fastctc_transcript;

typedef struct fastctc_word {
  const char* text;
  double start_s;
  double end_s;
  float confidence;
  float score; /* how well its tokens fit: their mean log-prob per frame, 0 at best */
} fastctc_word;

typedef struct fastctc_token {
  int id;
  const char* piece;
  double start_s;
  double end_s;
  float log_prob; /* sum over its frames */
  float confidence;
} fastctc_token;

typedef struct fastctc_alternative {
  const char* text;
  size_t n_words;
  size_t n_tokens;
  double score; /* acoustic_score + lm_score + bonus_score */
  double acoustic_score;
  double lm_score;
  double bonus_score;
} fastctc_alternative;

typedef struct fastctc_speech {
  double start_s;
  double end_s;
} fastctc_speech;

/* One recording, of any length. options: of transcription. */
FASTCTC_API fastctc_status fastctc_transcribe(const fastctc_recognizer* recognizer, const float* samples,
                                              size_t n_samples, int sample_rate_hz, const fastctc_options* options,
                                              fastctc_transcript** transcript);
FASTCTC_API fastctc_status fastctc_transcribe_int16(const fastctc_recognizer* recognizer, const fastctc_int16* samples,
                                                    size_t n_samples, int sample_rate_hz,
                                                    const fastctc_options* options, fastctc_transcript** transcript);
/* Several as a batch: samples[i] has n_samples[i] samples; transcripts[n_items] takes one each, all or none. */
FASTCTC_API fastctc_status fastctc_transcribe_batch(const fastctc_recognizer* recognizer, const float* const* samples,
                                                    const size_t* n_samples, size_t n_items, int sample_rate_hz,
                                                    const fastctc_options* options, fastctc_transcript** transcripts);
/* When each word of a known text is said, and how well it fits (fastctc_word's score). options: of transcription,
 * without vad; of the decoder confidence alone counts. */
FASTCTC_API fastctc_status fastctc_align(const fastctc_recognizer* recognizer, const float* samples, size_t n_samples,
                                         int sample_rate_hz, const char* text, const fastctc_options* options,
                                         fastctc_transcript** transcript);
FASTCTC_API void fastctc_transcript_free(fastctc_transcript* transcript);
/* NULL, 0 on error. */
FASTCTC_API const char* fastctc_transcript_text(const fastctc_transcript* transcript);
FASTCTC_API float fastctc_transcript_confidence(const fastctc_transcript* transcript);
FASTCTC_API double fastctc_transcript_duration_s(const fastctc_transcript* transcript);
/* How it was computed: one_shot, steps, windows, stream (fastctc/long_form.h); "" where not from audio. */
FASTCTC_API const char* fastctc_transcript_method(const fastctc_transcript* transcript);
FASTCTC_API size_t fastctc_transcript_n_words(const fastctc_transcript* transcript);
FASTCTC_API fastctc_status fastctc_transcript_word(const fastctc_transcript* transcript, size_t index,
                                                   fastctc_word* word);
FASTCTC_API size_t fastctc_transcript_n_tokens(const fastctc_transcript* transcript);
FASTCTC_API fastctc_status fastctc_transcript_token(const fastctc_transcript* transcript, size_t index,
                                                    fastctc_token* token);
/* The n best readings, best first; none unless the option decoder.n_best asks for more than one. */
FASTCTC_API size_t fastctc_transcript_n_alternatives(const fastctc_transcript* transcript);
FASTCTC_API fastctc_status fastctc_transcript_alternative(const fastctc_transcript* transcript, size_t index,
                                                          fastctc_alternative* alternative);
FASTCTC_API fastctc_status fastctc_transcript_alternative_word(const fastctc_transcript* transcript, size_t index,
                                                               size_t word_index, fastctc_word* word);
FASTCTC_API fastctc_status fastctc_transcript_alternative_token(const fastctc_transcript* transcript, size_t index,
                                                                size_t token_index, fastctc_token* token);
/* What speech detection found; none unless the option vad.kind asks for it. */
FASTCTC_API size_t fastctc_transcript_n_speech(const fastctc_transcript* transcript);
FASTCTC_API fastctc_status fastctc_transcript_speech(const fastctc_transcript* transcript, size_t index,
                                                     fastctc_speech* speech);

/* ---- Conversation: each channel of a call on its own. */
typedef struct fastctc_conversation fastctc_conversation;

typedef struct fastctc_segment {
  size_t channel;
  double start_s;
  double end_s;
  const char* text;
  size_t n_words;
  float confidence;
} fastctc_segment;

/* channels[i], n_channels of them, each of n_samples samples. options: of transcription. */
FASTCTC_API fastctc_status fastctc_transcribe_channels(const fastctc_recognizer* recognizer,
                                                       const float* const* channels, size_t n_channels,
                                                       size_t n_samples, int sample_rate_hz,
                                                       const fastctc_options* options,
                                                       fastctc_conversation** conversation);
FASTCTC_API void fastctc_conversation_free(fastctc_conversation* conversation);
FASTCTC_API double fastctc_conversation_duration_s(const fastctc_conversation* conversation); /* 0 on error */
/* Segments of all channels by their start; they may overlap. */
FASTCTC_API size_t fastctc_conversation_n_segments(const fastctc_conversation* conversation);
FASTCTC_API fastctc_status fastctc_conversation_segment(const fastctc_conversation* conversation, size_t index,
                                                        fastctc_segment* segment);
FASTCTC_API fastctc_status fastctc_conversation_segment_word(const fastctc_conversation* conversation, size_t index,
                                                             size_t word_index, fastctc_word* word);
/* Transcripts of the channels; they belong to the conversation: don't free them. NULL on error. */
FASTCTC_API size_t fastctc_conversation_n_channels(const fastctc_conversation* conversation);
FASTCTC_API const fastctc_transcript* fastctc_conversation_channel(const fastctc_conversation* conversation,
                                                                   size_t index);

/* ---- Long recording: pushed piece by piece, memory does not grow. One thread at a time. */
typedef struct fastctc_long_form fastctc_long_form;
/* options: of transcription. */
FASTCTC_API fastctc_status fastctc_long_form_open(const fastctc_recognizer* recognizer, const fastctc_options* options,
                                                  fastctc_long_form** long_form);
FASTCTC_API void fastctc_long_form_free(fastctc_long_form* long_form);
FASTCTC_API fastctc_status fastctc_long_form_push(fastctc_long_form* long_form, const float* samples, size_t n_samples,
                                                  int sample_rate_hz);
FASTCTC_API fastctc_status fastctc_long_form_push_int16(fastctc_long_form* long_form, const fastctc_int16* samples,
                                                        size_t n_samples, int sample_rate_hz);
/* The whole transcript; once. */
FASTCTC_API fastctc_status fastctc_long_form_finish(fastctc_long_form* long_form, fastctc_transcript** transcript);
FASTCTC_API double fastctc_long_form_done_s(const fastctc_long_form* long_form); /* recognised; 0 on error */

/* ---- Stream: live audio in, partial and final results out. */
typedef struct fastctc_stream fastctc_stream;
typedef struct fastctc_result fastctc_result;

typedef enum fastctc_cause {
  FASTCTC_CAUSE_NONE = 0,       /* a partial result */
  FASTCTC_CAUSE_NO_SPEECH = 1,  /* silence without speech */
  FASTCTC_CAUSE_SILENCE = 2,    /* silence after speech */
  FASTCTC_CAUSE_MAX_LENGTH = 3, /* the segment grew too long */
  FASTCTC_CAUSE_FINISH = 4      /* the stream ended */
} fastctc_cause;

/* options: of streams. */
FASTCTC_API fastctc_status fastctc_stream_open(const fastctc_recognizer* recognizer, const fastctc_options* options,
                                               fastctc_stream** stream);
FASTCTC_API void fastctc_stream_free(fastctc_stream* stream);
/* Audio of any length; what is complete is recognised within the call (a pool's stream: by the pool). Audio that is
 * refused (not finite, beyond 32, another rate) leaves the stream as it was. FASTCTC_ERROR_STATE after finish, and
 * where another thread is in one of these calls. */
FASTCTC_API fastctc_status fastctc_stream_push(fastctc_stream* stream, const float* samples, size_t n_samples,
                                               int sample_rate_hz);
FASTCTC_API fastctc_status fastctc_stream_push_int16(fastctc_stream* stream, const fastctc_int16* samples,
                                                     size_t n_samples, int sample_rate_hz);
/* No more audio: every frame is recognised, the last segment becomes final. A second call does nothing. */
FASTCTC_API fastctc_status fastctc_stream_finish(fastctc_stream* stream);
/* The next result, oldest first; *result is NULL if there is none now. Any thread. Returns the error that stopped a
 * stream once all results before it are taken. */
FASTCTC_API fastctc_status fastctc_stream_next(fastctc_stream* stream, fastctc_result** result);
/* Forgets everything except the options, also results that were not taken. The next sample is at 0 s. */
FASTCTC_API fastctc_status fastctc_stream_reset(fastctc_stream* stream);
/* 1: finished and everything recognised, else 0; -1 on error. */
FASTCTC_API int fastctc_stream_done(const fastctc_stream* stream);
FASTCTC_API double fastctc_stream_pushed_s(const fastctc_stream* stream);  /* 0 on error */
FASTCTC_API double fastctc_stream_decoded_s(const fastctc_stream* stream); /* recognised; 0 on error */

FASTCTC_API void fastctc_result_free(fastctc_result* result);
/* 1 final, 0 partial; -1 on error. */
FASTCTC_API int fastctc_result_is_final(const fastctc_result* result);
FASTCTC_API fastctc_cause fastctc_result_cause(const fastctc_result* result);
FASTCTC_API size_t fastctc_result_segment(const fastctc_result* result); /* its number, from 0 */
/* Where the segment starts, and how far it is recognised, from the start of the stream. */
FASTCTC_API double fastctc_result_start_s(const fastctc_result* result);
FASTCTC_API double fastctc_result_end_s(const fastctc_result* result);
/* Leading words that no later result of this segment changes. */
FASTCTC_API size_t fastctc_result_n_stable_words(const fastctc_result* result);
/* It belongs to the result: don't free it. NULL on error. */
FASTCTC_API const fastctc_transcript* fastctc_result_transcript(const fastctc_result* result);

/* ---- Pool: many streams of one model; chunks that are ready run as one batch. */
typedef struct fastctc_pool fastctc_pool;
/* options: of streams. max_batch: streams in one run; 0: 16. */
FASTCTC_API fastctc_status fastctc_pool_new(const fastctc_recognizer* recognizer, const fastctc_options* options,
                                            size_t max_batch, fastctc_pool** pool);
FASTCTC_API void fastctc_pool_free(fastctc_pool* pool);
FASTCTC_API fastctc_status fastctc_pool_open(fastctc_pool* pool, fastctc_stream** stream);
/* Runs one chunk of each stream that has one ready, max_batch at most; n_streams: NULL, or takes how many ran. */
FASTCTC_API fastctc_status fastctc_pool_step(fastctc_pool* pool, size_t* n_streams);
/* Waits until a stream has a chunk ready, timeout_s at most. 1 where one has, else 0; -1 on error. */
FASTCTC_API int fastctc_pool_wait(const fastctc_pool* pool, double timeout_s);
FASTCTC_API size_t fastctc_pool_n_streams(const fastctc_pool* pool); /* open now; 0 on error */

#ifdef __cplusplus
}
#endif

#endif
