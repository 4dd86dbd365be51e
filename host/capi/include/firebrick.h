/* libfirebrick: SqueezeNet on an FPGA engine, for programs in C and C++.
 *
 * Made by cbindgen from host/capi/src; a test keeps it current. Do not change it by hand.
 *
 * Handles (FirebrickModel, FirebrickEngine, FirebrickMaps, FirebrickCancel) come from the library
 * and go back to it by their _free function, once. Calls that give a handle give NULL if there is
 * an error; others give a FirebrickStatus. firebrick_last_error then says what happened, where, and
 * what to do: a text of the calling thread, which its next call replaces.
 *
 * Threads: a model, maps or a flag may be used by any number of threads at once. An engine is used
 * by one thread at a time, whichever; a call meanwhile gives FIREBRICK_STATUS_BUSY. A handle must
 * not be freed while a thread uses it. Nothing is called back. A child process after fork() uses no
 * handle of its parent, and opens its own.
 *
 * Strings are UTF-8, the names of files any bytes. Buffers that a call writes to must not overlap
 * those that it reads.
 */

#ifndef FIREBRICK_H
#define FIREBRICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a call came to.
typedef enum FirebrickStatus {
  // All is well.
  FIREBRICK_STATUS_OK = 0,
  // An argument is NULL, out of range, or a buffer has the wrong length.
  FIREBRICK_STATUS_INVALID_ARGUMENT = 1,
  // It did not work: `firebrick_last_error` says why.
  FIREBRICK_STATUS_ERROR = 2,
  // Another thread uses the engine at this moment.
  FIREBRICK_STATUS_BUSY = 3,
  // A fault of the library. Free the handle that was used; please report the text.
  FIREBRICK_STATUS_PANIC = 4,
} FirebrickStatus;

// A flag that gives up what an engine does. Any thread may raise it at any time, and a signal
// handler too.
typedef struct FirebrickCancel FirebrickCancel;

// An open engine with a network loaded. One thread uses it at a time; it need not be the one that
// opened it. A call while another thread is in one gives `FIREBRICK_STATUS_BUSY` at once.
typedef struct FirebrickEngine FirebrickEngine;

// The feature maps of all layers for one picture. Any number of threads may use them at once.
typedef struct FirebrickMaps FirebrickMaps;

// A network at a picture size. Any number of threads may use it at once.
typedef struct FirebrickModel FirebrickModel;

// How an engine is opened. Set all that is not wanted to 0.
typedef struct FirebrickOptions {
  // The network; SqueezeNet v1.1 if NULL.
  const struct FirebrickModel *model;
  // How long to wait for another process that has the board.
  double wait_seconds;
  // Time for one picture; 0 stands for a minute on a board, and more in simulation.
  double deadline_seconds;
  // A flag to give up by; none if NULL.
  const struct FirebrickCancel *cancel;
  // Tells the build of a simulated engine on standard error, which takes a minute or two.
  bool verbose;
} FirebrickOptions;

// A picture of any size. Set one of `path`, `bytes` and `rgb`, and all else to 0:
// `FirebrickImage image = {.path = "cat.png"};`
typedef struct FirebrickImage {
  // A JPEG or PNG file.
  const char *path;
  // The contents of one.
  const uint8_t *bytes;
  // How many bytes these are.
  size_t length;
  // Pixels of three bytes: red, green, blue; row by row.
  const uint8_t *rgb;
  // Rows.
  size_t height;
  // Columns.
  size_t width;
  // Bytes from one row to the next; 0 stands for 3 * width.
  size_t row_bytes;
} FirebrickImage;

// The feature map of one layer. Its pointers are valid as long as the maps.
typedef struct FirebrickMap {
  // Name of the layer, in UTF-8.
  const char *layer;
  // Values, 0 to 255, row by row, `channels` bytes a pixel.
  const uint8_t *values;
  // Rows.
  size_t height;
  // Columns.
  size_t width;
  // Bytes of a pixel.
  size_t channels;
} FirebrickMap;

// One class of a picture.
typedef struct FirebrickClass {
  // Its number, from 0.
  size_t number;
  // What Softmax makes of the scores, 0 to 1.
  double probability;
  // Its label, in UTF-8; valid as long as the model.
  const char *label;
} FirebrickClass;

// What a preset takes for a network, at a clock.
typedef struct FirebrickForecast {
  // One image alone, from its first beat in to its trailer out.
  uint64_t cycles;
  // Of these, cycles in which the array takes a vector.
  uint64_t busy_cycles;
  // Useful multiply-accumulates.
  uint64_t macs;
  // `macs` over what the array could do in `cycles`, 0 to 1.
  double utilization;
  // `cycles` in milliseconds.
  double latency_ms;
  // Images back to back.
  double images_per_second;
  // Bytes sent for an image.
  uint64_t bytes_in;
  // Bytes of its result.
  uint64_t bytes_out;
} FirebrickForecast;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The library's version, as in "0.1.0"; never NULL, valid for ever.
const char *firebrick_version(void);

// What went wrong in this thread's last call: what happened, where, and what to do. Empty if that
// call went well; never NULL, valid until the thread's next call.
const char *firebrick_last_error(void);

// A word for it, which stays when the text changes, as in "picture", "fit" or "in-use". Empty if
// the call went well; never NULL, valid until the thread's next call.
const char *firebrick_last_error_kind(void);

// A flag that is down; NULL if there is an error. Free it with `firebrick_cancel_free`; an engine
// that was opened with it keeps what it needs.
struct FirebrickCancel *firebrick_cancel_new(void);

// Raises it: what engines with this flag are at ends with an error of kind "cancelled" within a
// second or so. It stays raised.
//
// # Safety
// `cancel` is NULL or a flag that was not freed.
enum FirebrickStatus firebrick_cancel_raise(const struct FirebrickCancel *cancel);

// Frees a flag; NULL is passed over.
//
// # Safety
// `cancel` is NULL or a flag that was not freed.
void firebrick_cancel_free(struct FirebrickCancel *cancel);

// Opens an engine by its name: "model" (the integer model), "software:fb256", "sim:fb256",
// "xdma:/dev/xdma0", "axidma:". `options` may be NULL. NULL if there is an error. Free it with
// `firebrick_engine_free`.
//
// # Safety
// `name` is NULL or a string; `options` is NULL or points to options whose pointers are NULL or
// handles that were not freed.
struct FirebrickEngine *firebrick_engine_open(const char *name,
                                              const struct FirebrickOptions *options);

// Closes an engine; NULL is passed over.
//
// # Safety
// `engine` is NULL or an engine that was not freed, and no thread uses it.
void firebrick_engine_free(struct FirebrickEngine *engine);

// Takes another network. What was loaded before stays if this one does not fit.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `model` is NULL or a model that was not freed.
enum FirebrickStatus firebrick_engine_load(struct FirebrickEngine *engine,
                                           const struct FirebrickModel *model);

// The network that is loaded, as a model of its own; NULL if there is an error. Free it with
// `firebrick_model_free`.
//
// # Safety
// `engine` is NULL or an engine that was not freed.
struct FirebrickModel *firebrick_engine_model(struct FirebrickEngine *engine);

// Writes the scores of a picture to `scores`: for each class the sum over the last map.
// `firebrick_model_top` ranks them. `classes` has to be that of the model.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `image` is NULL or a picture; `scores` is NULL
// or has room for `classes` numbers.
enum FirebrickStatus firebrick_engine_classify(struct FirebrickEngine *engine,
                                               const struct FirebrickImage *image,
                                               int32_t *scores,
                                               size_t classes);

// The same for `count` pictures back to back: their scores lie in `scores` one behind the other,
// `length` numbers, which has to be `count` times the classes. After an error those before it are
// there, and the others unchanged.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `images` is NULL or has `count` pictures;
// `scores` is NULL or has room for `length` numbers.
enum FirebrickStatus firebrick_engine_classify_batch(struct FirebrickEngine *engine,
                                                     const struct FirebrickImage *images,
                                                     size_t count,
                                                     int32_t *scores,
                                                     size_t length);

// Writes the scores of an input, as `firebrick_model_input` makes it, to `scores`.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `input` is NULL or has `length` bytes; `scores`
// is NULL or has room for `classes` numbers.
enum FirebrickStatus firebrick_engine_run(struct FirebrickEngine *engine,
                                          const uint8_t *input,
                                          size_t length,
                                          int32_t *scores,
                                          size_t classes);

// The feature maps of all layers for a picture, in `*maps`; NULL there if there is an error. Free
// them with `firebrick_maps_free`.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `image` is NULL or a picture; `maps` is NULL or
// points to a pointer.
enum FirebrickStatus firebrick_engine_feature_maps(struct FirebrickEngine *engine,
                                                   const struct FirebrickImage *image,
                                                   struct FirebrickMaps **maps);

// Resets the engine, which it does by itself after each error.
//
// # Safety
// `engine` is NULL or an engine that was not freed.
enum FirebrickStatus firebrick_engine_reset(struct FirebrickEngine *engine);

// The library's version, as in "0.1.0"; never NULL, valid for ever.
const char *firebrick_version(void);

// What went wrong in this thread's last call: what happened, where, and what to do. Empty if that
// call went well; never NULL, valid until the thread's next call.
const char *firebrick_last_error(void);

// A word for it, which stays when the text changes, as in "picture", "fit" or "in-use". Empty if
// the call went well; never NULL, valid until the thread's next call.
const char *firebrick_last_error_kind(void);

// A flag that is down; NULL if there is an error. Free it with `firebrick_cancel_free`; an engine
// that was opened with it keeps what it needs.
struct FirebrickCancel *firebrick_cancel_new(void);

// Raises it: what engines with this flag are at ends with an error of kind "cancelled" within a
// second or so. It stays raised.
//
// # Safety
// `cancel` is NULL or a flag that was not freed.
enum FirebrickStatus firebrick_cancel_raise(const struct FirebrickCancel *cancel);

// Frees a flag; NULL is passed over.
//
// # Safety
// `cancel` is NULL or a flag that was not freed.
void firebrick_cancel_free(struct FirebrickCancel *cancel);

// Opens an engine by its name: "model" (the integer model), "software:fb256", "sim:fb256",
// "xdma:/dev/xdma0", "axidma:". `options` may be NULL. NULL if there is an error. Free it with
// `firebrick_engine_free`.
//
// # Safety
// `name` is NULL or a string; `options` is NULL or points to options whose pointers are NULL or
// handles that were not freed.
struct FirebrickEngine *firebrick_engine_open(const char *name,
                                              const struct FirebrickOptions *options);

// Closes an engine; NULL is passed over.
//
// # Safety
// `engine` is NULL or an engine that was not freed, and no thread uses it.
void firebrick_engine_free(struct FirebrickEngine *engine);

// Takes another network. What was loaded before stays if this one does not fit.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `model` is NULL or a model that was not freed.
enum FirebrickStatus firebrick_engine_load(struct FirebrickEngine *engine,
                                           const struct FirebrickModel *model);

// The network that is loaded, as a model of its own; NULL if there is an error. Free it with
// `firebrick_model_free`.
//
// # Safety
// `engine` is NULL or an engine that was not freed.
struct FirebrickModel *firebrick_engine_model(struct FirebrickEngine *engine);

// Writes the scores of a picture to `scores`: for each class the sum over the last map.
// `firebrick_model_top` ranks them. `classes` has to be that of the model.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `image` is NULL or a picture; `scores` is NULL
// or has room for `classes` numbers.
enum FirebrickStatus firebrick_engine_classify(struct FirebrickEngine *engine,
                                               const struct FirebrickImage *image,
                                               int32_t *scores,
                                               size_t classes);

// The same for `count` pictures back to back: their scores lie in `scores` one behind the other,
// `length` numbers, which has to be `count` times the classes. After an error those before it are
// there, and the others unchanged.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `images` is NULL or has `count` pictures;
// `scores` is NULL or has room for `length` numbers.
enum FirebrickStatus firebrick_engine_classify_batch(struct FirebrickEngine *engine,
                                                     const struct FirebrickImage *images,
                                                     size_t count,
                                                     int32_t *scores,
                                                     size_t length);

// Writes the scores of an input, as `firebrick_model_input` makes it, to `scores`.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `input` is NULL or has `length` bytes; `scores`
// is NULL or has room for `classes` numbers.
enum FirebrickStatus firebrick_engine_run(struct FirebrickEngine *engine,
                                          const uint8_t *input,
                                          size_t length,
                                          int32_t *scores,
                                          size_t classes);

// The feature maps of all layers for a picture, in `*maps`; NULL there if there is an error. Free
// them with `firebrick_maps_free`.
//
// # Safety
// `engine` is NULL or an engine that was not freed; `image` is NULL or a picture; `maps` is NULL or
// points to a pointer.
enum FirebrickStatus firebrick_engine_feature_maps(struct FirebrickEngine *engine,
                                                   const struct FirebrickImage *image,
                                                   struct FirebrickMaps **maps);

// Resets the engine, which it does by itself after each error.
//
// # Safety
// `engine` is NULL or an engine that was not freed.
enum FirebrickStatus firebrick_engine_reset(struct FirebrickEngine *engine);

// How many maps there are; 0 if there is an error.
//
// # Safety
// `maps` is NULL or maps that were not freed.
size_t firebrick_maps_count(const struct FirebrickMaps *maps);

// Writes one map, by its number in the order of the layers from 0, to `map`.
//
// # Safety
// `maps` is NULL or maps that were not freed; `map` is NULL or points to a map.
enum FirebrickStatus firebrick_maps_get(const struct FirebrickMaps *maps,
                                        size_t number,
                                        struct FirebrickMap *map);

// Writes the map of a layer, as in "fire2/squeeze1x1", to `map`.
//
// # Safety
// `maps` is NULL or maps that were not freed; `layer` is NULL or a string; `map` is NULL or points
// to a map.
enum FirebrickStatus firebrick_maps_find(const struct FirebrickMaps *maps,
                                         const char *layer,
                                         struct FirebrickMap *map);

// Frees maps; NULL is passed over.
//
// # Safety
// `maps` is NULL or maps that were not freed, and no thread uses them.
void firebrick_maps_free(struct FirebrickMaps *maps);

// SqueezeNet v1.1, which is part of the library: 224x224 pixels, 1000 classes. NULL if there is an
// error. Free it with `firebrick_model_free`.
struct FirebrickModel *firebrick_model_builtin(void);

// Reads a packed model, as `firebrick import` writes it; NULL if there is an error. Free it with
// `firebrick_model_free`.
//
// # Safety
// `file` is NULL or a string.
struct FirebrickModel *firebrick_model_load(const char *file);

// The same network for pictures of another size in pixels; NULL if there is an error. Free it with
// `firebrick_model_free`; the first may be freed before it.
//
// # Safety
// `model` is NULL or a model that was not freed.
struct FirebrickModel *firebrick_model_at(const struct FirebrickModel *model,
                                          size_t height,
                                          size_t width);

// Frees a model; NULL is passed over. Engines keep what they need of it.
//
// # Safety
// `model` is NULL or a model that was not freed, and no thread uses it.
void firebrick_model_free(struct FirebrickModel *model);

// Its name, as in "squeezenet-v1.1"; NULL if there is an error, valid as long as the model.
//
// # Safety
// `model` is NULL or a model that was not freed.
const char *firebrick_model_name(const struct FirebrickModel *model);

// How many classes it has: the length of its scores. 0 if there is an error.
//
// # Safety
// `model` is NULL or a model that was not freed.
size_t firebrick_model_classes(const struct FirebrickModel *model);

// Writes the shape of its input to `shape`: height, width, 3 channels.
//
// # Safety
// `model` is NULL or a model that was not freed; `shape` is NULL or has room for three numbers.
enum FirebrickStatus firebrick_model_input_shape(const struct FirebrickModel *model, size_t *shape);

// Writes a picture as the network takes it to `input`: scaled and cut as the model says, row by
// row, three bytes a pixel in the model's order. `length` has to be height * width * 3.
//
// # Safety
// `model` is NULL or a model that was not freed; `image` is NULL or a picture; `input` is NULL or
// has room for `length` bytes.
enum FirebrickStatus firebrick_model_input(const struct FirebrickModel *model,
                                           const struct FirebrickImage *image,
                                           uint8_t *input,
                                           size_t length);

// Writes the best `count` classes of some scores to `top`, best first; the lower class first among
// equals. `classes` has to be that of the model, and `count` not larger.
//
// # Safety
// `model` is NULL or a model that was not freed; `scores` is NULL or has `classes` numbers; `top`
// is NULL or has room for `count` classes.
enum FirebrickStatus firebrick_model_top(const struct FirebrickModel *model,
                                         const int32_t *scores,
                                         size_t classes,
                                         struct FirebrickClass *top,
                                         size_t count);

// Writes what a preset, as in "fb256", takes for this network to `forecast`: exact cycles, and
// the time at a clock in MHz. No engine is needed; that a build meets the clock is not checked.
//
// # Safety
// `model` is NULL or a model that was not freed; `preset` is NULL or a string; `forecast` is NULL or
// points to a forecast.
enum FirebrickStatus firebrick_model_predict(const struct FirebrickModel *model,
                                             const char *preset,
                                             double clock_mhz,
                                             struct FirebrickForecast *forecast);

// How many maps there are; 0 if there is an error.
//
// # Safety
// `maps` is NULL or maps that were not freed.
size_t firebrick_maps_count(const struct FirebrickMaps *maps);

// Writes one map, by its number in the order of the layers from 0, to `map`.
//
// # Safety
// `maps` is NULL or maps that were not freed; `map` is NULL or points to a map.
enum FirebrickStatus firebrick_maps_get(const struct FirebrickMaps *maps,
                                        size_t number,
                                        struct FirebrickMap *map);

// Writes the map of a layer, as in "fire2/squeeze1x1", to `map`.
//
// # Safety
// `maps` is NULL or maps that were not freed; `layer` is NULL or a string; `map` is NULL or points
// to a map.
enum FirebrickStatus firebrick_maps_find(const struct FirebrickMaps *maps,
                                         const char *layer,
                                         struct FirebrickMap *map);

// Frees maps; NULL is passed over.
//
// # Safety
// `maps` is NULL or maps that were not freed, and no thread uses them.
void firebrick_maps_free(struct FirebrickMaps *maps);

// SqueezeNet v1.1, which is part of the library: 224x224 pixels, 1000 classes. NULL if there is an
// error. Free it with `firebrick_model_free`.
struct FirebrickModel *firebrick_model_builtin(void);

// Reads a packed model, as `firebrick import` writes it; NULL if there is an error. Free it with
// `firebrick_model_free`.
//
// # Safety
// `file` is NULL or a string.
struct FirebrickModel *firebrick_model_load(const char *file);

// The same network for pictures of another size in pixels; NULL if there is an error. Free it with
// `firebrick_model_free`; the first may be freed before it.
//
// # Safety
// `model` is NULL or a model that was not freed.
struct FirebrickModel *firebrick_model_at(const struct FirebrickModel *model,
                                          size_t height,
                                          size_t width);

// Frees a model; NULL is passed over. Engines keep what they need of it.
//
// # Safety
// `model` is NULL or a model that was not freed, and no thread uses it.
void firebrick_model_free(struct FirebrickModel *model);

// Its name, as in "squeezenet-v1.1"; NULL if there is an error, valid as long as the model.
//
// # Safety
// `model` is NULL or a model that was not freed.
const char *firebrick_model_name(const struct FirebrickModel *model);

// How many classes it has: the length of its scores. 0 if there is an error.
//
// # Safety
// `model` is NULL or a model that was not freed.
size_t firebrick_model_classes(const struct FirebrickModel *model);

// Writes the shape of its input to `shape`: height, width, 3 channels.
//
// # Safety
// `model` is NULL or a model that was not freed; `shape` is NULL or has room for three numbers.
enum FirebrickStatus firebrick_model_input_shape(const struct FirebrickModel *model, size_t *shape);

// Writes a picture as the network takes it to `input`: scaled and cut as the model says, row by
// row, three bytes a pixel in the model's order. `length` has to be height * width * 3.
//
// # Safety
// `model` is NULL or a model that was not freed; `image` is NULL or a picture; `input` is NULL or
// has room for `length` bytes.
enum FirebrickStatus firebrick_model_input(const struct FirebrickModel *model,
                                           const struct FirebrickImage *image,
                                           uint8_t *input,
                                           size_t length);

// Writes the best `count` classes of some scores to `top`, best first; the lower class first among
// equals. `classes` has to be that of the model, and `count` not larger.
//
// # Safety
// `model` is NULL or a model that was not freed; `scores` is NULL or has `classes` numbers; `top`
// is NULL or has room for `count` classes.
enum FirebrickStatus firebrick_model_top(const struct FirebrickModel *model,
                                         const int32_t *scores,
                                         size_t classes,
                                         struct FirebrickClass *top,
                                         size_t count);

// Writes what a preset, as in "fb256", takes for this network to `forecast`: exact cycles, and
// the time at a clock in MHz. No engine is needed; that a build meets the clock is not checked.
//
// # Safety
// `model` is NULL or a model that was not freed; `preset` is NULL or a string; `forecast` is NULL or
// points to a forecast.
enum FirebrickStatus firebrick_model_predict(const struct FirebrickModel *model,
                                             const char *preset,
                                             double clock_mhz,
                                             struct FirebrickForecast *forecast);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FIREBRICK_H */
