// Classifies pictures on several engines at once, one thread for each, as a robot or a server does.
//
// c++ -std=c++17 -Wall -Wextra -Werror workers.cpp $(pkg-config --cflags --libs firebrick) -pthread
// ./a.out model,model cat.png dog.jpg ...
#include <firebrick.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

template <auto release> struct Release {
    template <typename Handle> void operator()(Handle *handle) const { release(handle); }
};
using Model = std::unique_ptr<FirebrickModel, Release<firebrick_model_free>>;
using Engine = std::unique_ptr<FirebrickEngine, Release<firebrick_engine_free>>;

[[noreturn]] void fail() { throw std::runtime_error(firebrick_last_error()); }

void check(FirebrickStatus status)
{
    if (status != FIREBRICK_STATUS_OK)
        fail();
}

Engine open(const std::string &name, const Model &model)
{
    FirebrickOptions options{};
    options.model = model.get();
    Engine engine(firebrick_engine_open(name.c_str(), &options));
    if (!engine)
        fail();
    return engine;
}

std::string classify(const Engine &engine, const Model &model, const std::string &picture)
{
    FirebrickImage image{};
    image.path = picture.c_str();
    std::vector<int32_t> scores(firebrick_model_classes(model.get()));
    check(firebrick_engine_classify(engine.get(), &image, scores.data(), scores.size()));
    FirebrickClass best{};
    check(firebrick_model_top(model.get(), scores.data(), scores.size(), &best, 1));
    return best.label;
}

} // namespace

int main(int argc, char **argv)
try {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s ENGINE[,ENGINE...] PICTURE...\n", argv[0]);
        return 2;
    }
    const Model model(firebrick_model_builtin());
    if (!model)
        fail();
    std::vector<Engine> engines;
    std::stringstream names(argv[1]);
    for (std::string name; std::getline(names, name, ',');)
        engines.push_back(open(name, model));
    const std::vector<std::string> pictures(argv + 2, argv + argc);
    std::vector<std::string> answers(pictures.size());
    std::atomic<std::size_t> next{0};
    std::atomic<bool> good{true};
    std::vector<std::thread> workers;
    for (const Engine &engine : engines)
        workers.emplace_back([&] {
            for (std::size_t i = next++; i < pictures.size(); i = next++)
                try {
                    answers[i] = classify(engine, model, pictures[i]);
                } catch (const std::exception &error) {
                    answers[i] = std::string("error: ") + error.what();
                    good = false;
                }
        });
    for (std::thread &worker : workers)
        worker.join();
    for (std::size_t i = 0; i < pictures.size(); i++)
        std::printf("%s: %s\n", pictures[i].c_str(), answers[i].c_str());
    return good ? 0 : 1;
} catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
}
