/* Every call with what it must refuse: no crash, a status, and a text that says what is wrong.
 * The picture is the first argument. */
#include <firebrick.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong = 0;

static void check(int good, const char *what, int line)
{
    if (!good) {
        fprintf(stderr, "line %d: %s: %s\n", line, what, firebrick_last_error());
        wrong++;
    }
}
#define CHECK(good) check((good), #good, __LINE__)

/* An argument is refused, and the text names what is wrong with it. */
#define REFUSED(call, text)                                                        \
    do {                                                                           \
        CHECK((call) == FIREBRICK_STATUS_INVALID_ARGUMENT);                        \
        CHECK(strstr(firebrick_last_error(), text) != NULL);                       \
        CHECK(strcmp(firebrick_last_error_kind(), "argument") == 0);               \
    } while (0)

/* A handle is not given. */
#define NOTHING(call, kind)                                                        \
    do {                                                                           \
        CHECK((call) == NULL);                                                     \
        CHECK(strcmp(firebrick_last_error_kind(), kind) == 0);                     \
        CHECK(strlen(firebrick_last_error()) > 10);                                \
    } while (0)

struct task {
    FirebrickEngine *engine;
    const char *picture;
    size_t busy, done;
};

/* Two threads on one engine: each call is done, or is told that the engine is busy. */
static void *press(void *argument)
{
    struct task *task = argument;
    int32_t scores[1000];
    FirebrickImage image = {.path = task->picture};
    for (int round = 0; round < 10; round++) {
        FirebrickStatus status = firebrick_engine_classify(task->engine, &image, scores, 1000);
        task->busy += status == FIREBRICK_STATUS_BUSY;
        task->done += status == FIREBRICK_STATUS_OK;
    }
    return NULL;
}

static void threads(FirebrickEngine *engine, const char *picture)
{
    struct task tasks[2] = {{engine, picture, 0, 0}, {engine, picture, 0, 0}};
    pthread_t other;
    CHECK(pthread_create(&other, NULL, press, &tasks[1]) == 0);
    press(&tasks[0]);
    pthread_join(other, NULL);
    for (int i = 0; i < 2; i++)
        CHECK(tasks[i].busy + tasks[i].done == 10);
    CHECK(tasks[0].done + tasks[1].done >= 10);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    CHECK(strcmp(firebrick_version(), "0.1.0") == 0);
    CHECK(strlen(firebrick_last_error()) == 0);

    /* Freeing nothing is right. */
    firebrick_model_free(NULL);
    firebrick_engine_free(NULL);
    firebrick_maps_free(NULL);
    firebrick_cancel_free(NULL);

    NOTHING(firebrick_model_load(NULL), "argument");
    NOTHING(firebrick_model_load("no such pack"), "model");
    NOTHING(firebrick_model_load(argv[1]), "model");
    NOTHING(firebrick_model_at(NULL, 224, 224), "argument");
    NOTHING(firebrick_engine_open(NULL, NULL), "argument");
    NOTHING(firebrick_engine_open("\xff\xfe", NULL), "argument");
    NOTHING(firebrick_engine_open("", NULL), "uri");
    NOTHING(firebrick_engine_open("sim:fb65", NULL), "preset");
    NOTHING(firebrick_engine_open("xdma:/no/such/device", NULL), "io");
    NOTHING(firebrick_engine_model(NULL), "argument");
    CHECK(firebrick_model_name(NULL) == NULL);
    CHECK(firebrick_model_classes(NULL) == 0);
    CHECK(firebrick_maps_count(NULL) == 0);
    REFUSED(firebrick_cancel_raise(NULL), "cancel is NULL");
    REFUSED(firebrick_engine_reset(NULL), "engine is NULL");

    FirebrickModel *model = firebrick_model_builtin();
    CHECK(model != NULL && strcmp(firebrick_model_name(model), "squeezenet-v1.1") == 0);
    CHECK(firebrick_model_classes(model) == 1000);
    NOTHING(firebrick_model_at(model, 0, 224), "model");
    NOTHING(firebrick_model_at(model, SIZE_MAX, SIZE_MAX), "model");
    size_t shape[3];
    CHECK(firebrick_model_input_shape(model, shape) == FIREBRICK_STATUS_OK);
    CHECK(shape[0] == 224 && shape[1] == 224 && shape[2] == 3);
    REFUSED(firebrick_model_input_shape(model, NULL), "shape is NULL");

    FirebrickForecast forecast;
    REFUSED(firebrick_model_predict(model, NULL, 200.0, &forecast), "preset is NULL");
    REFUSED(firebrick_model_predict(model, "fb256", 200.0, NULL), "forecast is NULL");
    CHECK(firebrick_model_predict(model, "fb65", 200.0, &forecast) == FIREBRICK_STATUS_ERROR);
    CHECK(firebrick_model_predict(model, "fb256", -1.0, &forecast) == FIREBRICK_STATUS_ERROR);
    CHECK(strcmp(firebrick_last_error_kind(), "clock") == 0);

    FirebrickOptions options = {.model = model, .wait_seconds = -1.0};
    NOTHING(firebrick_engine_open("model", &options), "argument");
    options.wait_seconds = 0.0;
    FirebrickEngine *engine = firebrick_engine_open("model", &options);
    CHECK(engine != NULL);
    REFUSED(firebrick_engine_load(engine, NULL), "model is NULL");

    /* Pictures that are none. */
    static int32_t scores[2000];
    static uint8_t pixels[40][50 * 3 + 7];
    FirebrickImage good = {.path = argv[1]}, none = {0}, two = {.path = argv[1], .rgb = pixels[0]};
    REFUSED(firebrick_engine_classify(engine, NULL, scores, 1000), "image is NULL");
    REFUSED(firebrick_engine_classify(engine, &none, scores, 1000), "set one of");
    REFUSED(firebrick_engine_classify(engine, &two, scores, 1000), "set one of");
    REFUSED(firebrick_engine_classify(engine, &good, NULL, 1000), "scores is NULL");
    REFUSED(firebrick_engine_classify(engine, &good, scores, 999), "1000 is needed");
    FirebrickImage absent = {.path = "no such file.png"};
    CHECK(firebrick_engine_classify(engine, &absent, scores, 1000) == FIREBRICK_STATUS_ERROR);
    CHECK(strcmp(firebrick_last_error_kind(), "picture") == 0);
    CHECK(strstr(firebrick_last_error(), "no such file.png") != NULL);
    FirebrickImage damaged = {.bytes = (const uint8_t *)"\x89PNG", .length = 4};
    CHECK(firebrick_engine_classify(engine, &damaged, scores, 1000) == FIREBRICK_STATUS_ERROR);
    FirebrickImage empty = {.rgb = pixels[0]};
    CHECK(firebrick_engine_classify(engine, &empty, scores, 1000) == FIREBRICK_STATUS_ERROR);
    FirebrickImage rows = {.rgb = pixels[0], .height = 40, .width = 50, .row_bytes = 149};
    REFUSED(firebrick_engine_classify(engine, &rows, scores, 1000), "rows of 149 bytes");
    FirebrickImage huge = {.rgb = pixels[0], .height = SIZE_MAX / 2, .width = SIZE_MAX / 2};
    REFUSED(firebrick_engine_classify(engine, &huge, scores, 1000), "do not lie in rows");

    /* Pixels with and without gaps between rows are one picture. */
    static uint8_t close[40][50 * 3];
    static int32_t want[1000];
    for (size_t y = 0; y < 40; y++)
        for (size_t x = 0; x < 150; x++)
            close[y][x] = pixels[y][x] = (uint8_t)(y * 31 + x * 17);
    FirebrickImage tight = {.rgb = close[0], .height = 40, .width = 50};
    rows.row_bytes = sizeof pixels[0];
    CHECK(firebrick_engine_classify(engine, &tight, want, 1000) == FIREBRICK_STATUS_OK);
    CHECK(strlen(firebrick_last_error()) == 0);
    CHECK(firebrick_engine_classify(engine, &rows, scores, 1000) == FIREBRICK_STATUS_OK);
    CHECK(memcmp(scores, want, sizeof want) == 0);

    /* The same as a tensor. */
    size_t length = 224 * 224 * 3;
    uint8_t *input = malloc(length);
    REFUSED(firebrick_model_input(model, &rows, input, length - 1), "input has the length");
    CHECK(firebrick_model_input(model, &rows, input, length) == FIREBRICK_STATUS_OK);
    memset(scores, 0, sizeof scores);
    REFUSED(firebrick_engine_run(engine, input, length - 1, scores, 1000), "input has the length");
    CHECK(firebrick_engine_run(engine, input, length, scores, 1000) == FIREBRICK_STATUS_OK);
    CHECK(memcmp(scores, want, sizeof want) == 0);
    free(input);

    /* A batch stops at a wrong picture, and keeps what it has. */
    FirebrickImage batch[2] = {rows, absent};
    REFUSED(firebrick_engine_classify_batch(engine, batch, 2, scores, 1000), "2000 is needed");
    memset(scores, 0, sizeof scores);
    CHECK(firebrick_engine_classify_batch(engine, batch, 2, scores, 2000) ==
          FIREBRICK_STATUS_ERROR);
    CHECK(memcmp(scores, want, sizeof want) == 0 && scores[1000] == 0);
    batch[1] = rows;
    CHECK(firebrick_engine_classify_batch(engine, batch, 2, scores, 2000) == FIREBRICK_STATUS_OK);
    CHECK(memcmp(scores + 1000, want, sizeof want) == 0);
    CHECK(firebrick_engine_classify_batch(engine, NULL, 0, NULL, 0) == FIREBRICK_STATUS_OK);

    FirebrickClass top[3];
    REFUSED(firebrick_model_top(model, want, 999, top, 3), "1000 is needed");
    REFUSED(firebrick_model_top(model, want, 1000, NULL, 3), "top is NULL");
    REFUSED(firebrick_model_top(model, want, 1000, top, 1001), "1001 classes");
    CHECK(firebrick_model_top(model, want, 1000, top, 3) == FIREBRICK_STATUS_OK);
    CHECK(want[top[0].number] >= want[top[1].number] && strlen(top[0].label) > 0);

    FirebrickMaps *maps = (FirebrickMaps *)pixels;
    REFUSED(firebrick_engine_feature_maps(engine, &good, NULL), "maps is NULL");
    CHECK(firebrick_engine_feature_maps(engine, &absent, &maps) == FIREBRICK_STATUS_ERROR);
    CHECK(maps == NULL);
    CHECK(firebrick_engine_feature_maps(engine, &rows, &maps) == FIREBRICK_STATUS_OK);
    FirebrickMap map, same;
    CHECK(firebrick_maps_count(maps) == 37);
    REFUSED(firebrick_maps_get(maps, 37, &map), "no number 37");
    REFUSED(firebrick_maps_get(maps, 0, NULL), "map is NULL");
    REFUSED(firebrick_maps_find(maps, "conv11", &map), "no layer \"conv11\"");
    CHECK(firebrick_maps_get(maps, 0, &map) == FIREBRICK_STATUS_OK);
    CHECK(firebrick_maps_find(maps, "conv1", &same) == FIREBRICK_STATUS_OK);
    CHECK(map.values == same.values && map.height == 111 && map.width == 111 &&
          map.channels == 64);
    firebrick_maps_free(maps);

    /* Another size, and models freed before the engines that have them. */
    FirebrickModel *wide = firebrick_model_at(model, 227, 240);
    CHECK(firebrick_engine_load(engine, wide) == FIREBRICK_STATUS_OK);
    firebrick_model_free(wide);
    FirebrickModel *loaded = firebrick_engine_model(engine);
    CHECK(firebrick_model_input_shape(loaded, shape) == FIREBRICK_STATUS_OK && shape[1] == 240);
    firebrick_model_free(loaded);
    firebrick_model_free(model);
    CHECK(firebrick_engine_classify(engine, &good, scores, 1000) == FIREBRICK_STATUS_OK);

    threads(engine, argv[1]);
    CHECK(firebrick_engine_reset(engine) == FIREBRICK_STATUS_OK);
    firebrick_engine_free(engine);

    FirebrickCancel *cancel = firebrick_cancel_new();
    CHECK(cancel != NULL && firebrick_cancel_raise(cancel) == FIREBRICK_STATUS_OK);
    firebrick_cancel_free(cancel);
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
