/* Says what a picture shows, and where the time would go on a board.
 *
 * cc -std=c11 -Wall -Wextra -Werror classify.c $(pkg-config --cflags --libs firebrick) -o classify
 * ./classify sim:fb256 cat.png
 */
#include <firebrick.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, firebrick_last_error());
    return EXIT_FAILURE;
}

/* The mean of each layer's feature map. */
static int maps(FirebrickEngine *engine, const FirebrickImage *image)
{
    FirebrickMaps *maps = NULL;
    if (firebrick_engine_feature_maps(engine, image, &maps) != FIREBRICK_STATUS_OK)
        return fail("feature maps");
    for (size_t number = 0; number < firebrick_maps_count(maps); number++) {
        FirebrickMap map;
        if (firebrick_maps_get(maps, number, &map) != FIREBRICK_STATUS_OK) {
            firebrick_maps_free(maps);
            return fail("feature maps");
        }
        size_t values = map.height * map.width * map.channels;
        double sum = 0.0;
        for (size_t value = 0; value < values; value++)
            sum += map.values[value];
        printf("%-24s %3zu x %3zu x %4zu  mean %6.2f\n", map.layer, map.height, map.width,
               map.channels, sum / (double)values);
    }
    firebrick_maps_free(maps);
    return EXIT_SUCCESS;
}

/* The best classes of a picture. */
static int classify(FirebrickEngine *engine, const FirebrickModel *model,
                    const FirebrickImage *image)
{
    FirebrickClass top[5];
    size_t classes = firebrick_model_classes(model);
    int32_t *scores = calloc(classes, sizeof *scores);
    if (scores == NULL)
        return fail("memory");
    int outcome = EXIT_SUCCESS;
    if (firebrick_engine_classify(engine, image, scores, classes) != FIREBRICK_STATUS_OK ||
        firebrick_model_top(model, scores, classes, top, 5) != FIREBRICK_STATUS_OK)
        outcome = fail("classify");
    else
        for (size_t place = 0; place < 5; place++)
            printf("%6.2f %%  %s (class %zu)\n", 100.0 * top[place].probability,
                   top[place].label, top[place].number);
    free(scores);
    return outcome;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ENGINE PICTURE\n", argv[0]);
        return 2;
    }
    FirebrickModel *model = firebrick_model_builtin();
    if (model == NULL)
        return fail("model");
    FirebrickOptions options = {.model = model, .wait_seconds = 10.0, .verbose = true};
    FirebrickEngine *engine = firebrick_engine_open(argv[1], &options);
    int outcome = EXIT_FAILURE;
    if (engine == NULL) {
        fail(argv[1]);
    } else {
        FirebrickImage image = {.path = argv[2]};
        outcome = classify(engine, model, &image);
        if (outcome == EXIT_SUCCESS)
            outcome = maps(engine, &image);
    }
    FirebrickForecast forecast;
    if (outcome == EXIT_SUCCESS) {
        if (firebrick_model_predict(model, "fb256", 200.0, &forecast) != FIREBRICK_STATUS_OK)
            outcome = fail("predict");
        else
            printf("fb256 at 200 MHz: %.2f ms, %.1f images a second, %.2f %% of the array in use\n",
                   forecast.latency_ms, forecast.images_per_second, 100.0 * forecast.utilization);
    }
    firebrick_engine_free(engine);
    firebrick_model_free(model);
    return outcome;
}
