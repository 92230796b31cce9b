#include "base/metrics.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace std::chrono_literals;

TEST_CASE("a histogram counts each time into its bucket", "[metrics]") {
  latency_histogram h;
  h.observe(50us);
  h.observe(100us);
  h.observe(101us);
  h.observe(2s);
  h.observe(10min);
  h.observe(-1s);
  const auto r = h.read();
  CHECK(r.count == 6);
  CHECK(r.buckets[0] == 3);
  CHECK(r.buckets[1] == 1);
  CHECK(r.buckets.back() == 1);
  CHECK(r.sum_us == 50 + 100 + 101 + 2'000'000 + 600'000'000);
}

TEST_CASE("the text is what Prometheus reads", "[metrics]") {
  latency_histogram h;
  h.observe(3ms);
  metrics_text m;
  m.family("x_total", "counter", "Of all").value(std::uint64_t{7}, {{"a", "b\"\\\n"}, {"c", "d"}});
  m.family("y_seconds", "histogram", "Took").value(h);
  const auto text = m.take();
  CHECK(
      text.starts_with("# HELP x_total Of all\n# TYPE x_total counter\n"
                       "x_total{a=\"b\\\"\\\\\\n\",c=\"d\"} 7\n"));
  CHECK(text.find("y_seconds_bucket{le=\"0.0025\"} 0\n") != std::string::npos);
  CHECK(text.find("y_seconds_bucket{le=\"0.005\"} 1\n") != std::string::npos);
  CHECK(text.find("y_seconds_bucket{le=\"+Inf\"} 1\ny_seconds_sum 0.003\ny_seconds_count 1\n") !=
        std::string::npos);
}
