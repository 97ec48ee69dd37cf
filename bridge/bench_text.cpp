#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "bridge/bench_report.h"

namespace bridge {
namespace {

[[gnu::format(printf, 2, 3)]] void add(std::string& out, const char* format, ...) {
  char line[512];
  std::va_list values;
  va_start(values, format);
  const int size = std::vsnprintf(line, sizeof line, format, values);
  va_end(values);
  out.append(line, static_cast<std::size_t>(std::clamp(size, 0, static_cast<int>(sizeof line) - 1)));
}

void add_terms(const BenchTerms& terms, const char* what, std::string& out) {
  add(out, "level %s: %s\n", terms.level.c_str(), what);
  add(out,
      "%u devices, one topic each; 80-byte JSON with four numbers, %u of them %s: %llu series; %s tumbling "
      "window; %u cores\n",
      terms.devices, terms.fields, terms.discover ? "found by weir" : "configured",
      static_cast<unsigned long long>(terms.series), terms.window.c_str(), terms.cores);
}

const char* verdict(bool complete) { return complete ? "nothing lost" : "INCOMPLETE"; }

void add_losses(const GatewayRound& round, std::uint32_t fields, std::string& out) {
  add(out, "  %s: sent %llu, received %llu, dropped by the broker %llu", round.subject.c_str(),
      static_cast<unsigned long long>(round.sent), static_cast<unsigned long long>(round.received),
      static_cast<unsigned long long>(round.broker_dropped));
  if (round.subject == "weir") {
    add(out, "; decoded %llu, samples %llu, aggregated %llu; results %llu of %llu arrived, with %llu samples",
        static_cast<unsigned long long>(round.decoded), static_cast<unsigned long long>(round.samples),
        static_cast<unsigned long long>(round.aggregated), static_cast<unsigned long long>(round.results),
        static_cast<unsigned long long>(round.made), static_cast<unsigned long long>(round.result_samples));
  }
  add(out, ": %s\n", verdict(round.complete(fields)));
}

// What was counted beside time. Naps are timed and touch no lock; the system's count of switches, which has
// all of them, is the check on ours.
void add_usage(const BenchFigure& figure, const Usage& usage, std::string& out) {
  const double millions = static_cast<double>(figure.samples) * 1e-6;
  add(out,
      "steady state, %llu samples: %llu allocations (%.6f a sample); per million samples %.3f futex waits, "
      "%.1f "
      "naps, %.1f voluntary switches in all\n",
      static_cast<unsigned long long>(figure.samples), static_cast<unsigned long long>(figure.allocations),
      figure.allocations_per_sample(), figure.futex_waits_per_million(),
      static_cast<double>(usage.naps) / millions, static_cast<double>(usage.switches) / millions);
}

}  // namespace

std::string text_of(const EngineReport& report) {
  std::string out;
  add_terms(report.terms, "recorded bytes (topic and payload) to encoded results, one edge and one worker",
            out);
  add(out,
      "%llu messages a round, %u to a second of event time; yardstick: simdjson alone reads the four numbers "
      "of the same bytes\n",
      static_cast<unsigned long long>(report.messages), report.terms.rate);
  add(out, "%-8s%14s%14s%8s%16s%10s%10s%10s\n", "round", "yardstick/s", "weir/s", "ratio", "yardstick cpu",
      "edge cpu", "worker", "results");
  for (std::size_t i = 0; i < report.rounds.size(); ++i) {
    const EngineRound& r = report.rounds[i];
    add(out, "%-8zu%14.0f%14.0f%8.3f%13.0f ns%7.0f ns%7.0f ns%10llu\n", i + 1, r.yardstick_rate, r.weir_rate,
        r.weir_rate / r.yardstick_rate, r.yardstick_cpu_ns, r.edge_cpu_ns, r.worker_cpu_ns,
        static_cast<unsigned long long>(r.results));
  }
  add(out, "%-8s%14.0f%14.0f%8.3f%13.0f ns%7.0f ns%7.0f ns\n", "median",
      middle(report.rounds, &EngineRound::yardstick_rate), middle(report.rounds, &EngineRound::weir_rate),
      engine_ratio(report), middle(report.rounds, &EngineRound::yardstick_cpu_ns),
      middle(report.rounds, &EngineRound::edge_cpu_ns), middle(report.rounds, &EngineRound::worker_cpu_ns));
  add_usage(figures_of(report).front(), report.usage, out);
  add(out, "ledger: received %llu, decoded %llu, samples %llu, aggregated %llu, results refused %llu: %s\n",
      static_cast<unsigned long long>(report.received), static_cast<unsigned long long>(report.decoded),
      static_cast<unsigned long long>(report.samples), static_cast<unsigned long long>(report.aggregated),
      static_cast<unsigned long long>(report.refused), verdict(report.complete()));
  return out;
}

std::string text_of(const GatewayReport& report) {
  std::string out;
  const std::string way = report.direct ? "from the bench's own sender, without a broker, at QoS 0"
                                        : "through Mosquitto at QoS 0";
  const std::string null = report.client == "native" ? "a raw reader" : "a Paho subscriber";
  add_terms(report.terms,
            (way + "; subjects: " + null + " that only counts (null), and weir with its " + report.client +
             " client")
                .c_str(),
            out);
  if (report.terms.rate > 0) {
    add(out, "sent at %u messages/s, kept to the schedule whatever happens; %.0f s measured a round\n",
        report.terms.rate, report.duration_seconds);
  } else {
    add(out, "sent as fast as the subject takes them; %.0f s measured a round\n", report.duration_seconds);
  }
  add(out, "%-8s%12s%14s%14s%14s%10s%10s\n", "subject", "messages/s", "cpu/message", "broker cpu",
      "sender cpu", "memory", "behind");
  const auto row = [&](const char* name, const GatewayRound& r) {
    add(out, "%-8s%12.0f%11.2f us%11.2f us%11.2f us%7.1f MB%7.1f ms\n", name, r.rate, r.cpu_us,
        r.broker_cpu_us, r.generator_cpu_us, static_cast<double>(r.resident_bytes) / 1e6, r.late_ms);
  };
  for (const GatewayRound& round : report.rounds) row(round.subject.c_str(), round);
  if (const double rate = gateway_ratio(report, &GatewayRound::rate); rate > 0) {
    add(out, "median of weir over null: %.3f of the rate, %.3f of the CPU per message\n", rate,
        gateway_ratio(report, &GatewayRound::cpu_us));
  }
  add(out, "ledger, by round:\n");
  for (const GatewayRound& round : report.rounds) add_losses(round, report.terms.fields, out);
  if (report.interrupted) add(out, "interrupted: rounds are missing\n");
  return out;
}

std::string text_of(const KernelReport& report) {
  std::string out =
      "level K: decoded samples into windows, in process; median of rounds, yardsticks in between\n";
  for (const BenchFigure& f : report.figures) {
    add(out, "%-52s %8llu series %u cores %-16s %9.2f M/s  %6.3f of %s (%.3g M/s)", f.what.c_str(),
        static_cast<unsigned long long>(f.keys), f.cores, f.window.c_str(), f.value * 1e-6, f.ratio,
        f.yardstick.c_str(), f.yardstick_value * 1e-6);
    if (f.samples > 0) {
      add(out, "; %.4f allocations a sample, %.3f waits per million", f.allocations_per_sample(),
          f.futex_waits_per_million());
    }
    out += '\n';
    if (f.keys > 1) {  // what bounds it
      const double core_ns = 1e9 * f.cores;
      add(out,
          "%52s %.1f ns a sample and core; of them %.1f for its two lines of memory, the rest for all else\n",
          "", core_ns / f.value, core_ns / f.yardstick_value);
    }
  }
  return out;
}

std::string text_of(const FleetReport& report) {
  std::string out;
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  const std::string interval = format_duration(report.fleet.interval);
  add(out, "level E, a fleet: %u devices x %s = %.0f points/s, offered by the clock for %.0f s\n",
      report.fleet.devices, interval.c_str(), report.offered_points(), report.seconds);
  add(out,
      "a topic and a series each; a message is a JSON array of the %u points its device gathered (%zu bytes "
      "with "
      "its topic): %.0f messages/s\n",
      report.points, report.message_bytes, report.rounds.front().offered);
  add(out,
      "one edge, workers: %u, cores: %u; %s tumbling windows that begin at another time for each series\n",
      report.workers, report.cores, report.window.c_str());
  add(out,
      "burst: %u new devices at once, a message each: handled in %.2f s, %.0f messages/s; the journal took "
      "%.1f "
      "of %.1f MB, weir %.0f MB in all at most\n",
      report.fleet.devices, report.burst.seconds, report.fleet.devices / report.burst.seconds,
      static_cast<double>(report.burst.journal_bytes_most) * 1e-6,
      static_cast<double>(report.journal_bytes_max) * 1e-6,
      static_cast<double>(report.burst_resident_peak) * 1e-6);
  add(out, "%12s%12s%12s%8s%8s%8s%8s%8s%13s%13s%11s  %s\n", "offered/s", "points/s", "messages/s", "of CPU",
      "edge", "workers", "sink", "others", "behind most", "at the end", "results/s",
      "latency p50 / p99 / most");
  for (const OpenRound& r : report.rounds) {
    const double share = 100 / r.usage.seconds;  // of one core
    add(out, "%12.0f%12.0f%12.0f%7.1f%%%7.1f%%%7.1f%%%7.1f%%%7.1f%%%10.1f ms%10.1f ms%11.0f",
        r.offered * report.points, r.reached() * report.points, r.reached(), 100 * report.cpu_share(r),
        r.usage.own_cpu * share, r.usage.other_cpu * share, r.sink_cpu * share, r.usage.foreign_cpu * share,
        r.behind_most_ms, r.behind_end_ms, static_cast<double>(r.results) / r.usage.seconds);
    add(out, "  %.2f / %.2f / %.2f ms  %s\n", r.latency_p50_ms, r.latency_p99_ms, r.latency_most_ms,
        report.holds(r) ? "held" : "not held");
  }
  out +=
      "(of CPU: edge and workers, of all cores. Of one core: edge, workers, sink; others: programs beside "
      "this one, and what a hypervisor took)\n";
  const OpenRound& last = report.rounds.back();
  if (report.holds(report.rounds.front())) {
    out += "the fleet is held under 70 % of the cores\n";
  } else {
    add(out, "NOT held under 70 %% of these cores; held here: %.0f points/s%s\n",
        report.holds(last) ? last.reached() * report.points : 0,
        report.holds(last) ? "" : ", nothing that was tried");
    add(out,
        "extrapolated: %.0f points/s take %.1f cores at 70 %%, %.1f of them for the edge, which is one "
        "thread: above "
        "1 that is more than one weir\n",
        report.offered_points(), report.cores_extrapolated(), report.edges_extrapolated());
  }
  add_usage(figures_of(report).front(), report.rounds.front().usage, out);
  add(out, "memory: %.0f bytes a device, %.0f of them the state of its series\n",
      static_cast<double>(report.resident_bytes) / report.fleet.devices,
      static_cast<double>(report.state_bytes) / report.fleet.devices);
  add(out,
      "ledger: received %llu, decoded %llu, points %llu, aggregated %llu, late %llu, in results %llu, "
      "results "
      "refused %llu: %s\n",
      number(report.received), number(report.decoded), number(report.samples), number(report.aggregated),
      number(report.late), number(report.result_samples), number(report.refused), verdict(report.complete()));
  return out;
}

std::string text_of(const SweepReport& report) {
  std::string out;
  add(out,
      "level E, a sweep of the keys of `aggregation`, each with the others at their defaults; medians of %u "
      "rounds\n",
      report.rounds);
  add(out,
      "%u devices, one series each; JSON arrays of %u points; %s tumbling windows that begin at another time "
      "for "
      "each series; %u cores\n",
      report.devices, report.points, report.window.c_str(), report.cores);
  add(out,
      "left: %llu messages as fast as they are taken (event time as at the right); batches, and why they "
      "left, per "
      "1000 messages\nright: %.0f messages/s by the clock for %.1f s; latency from the scheduled time to the "
      "result\n",
      static_cast<unsigned long long>(report.messages), report.paced_rate, report.paced_seconds);
  add(out, "%-17s%8s%12s%8s%9s%9s%8s%9s%7s%7s%9s%12s%10s%10s\n", "key", "value", "points/s", "ratio",
      "batches", "items", "full", "interval", "idle", "tick", "waits", "p50", "p99", "cpu");
  for (const SweepRow& r : report.rows) {
    add(out, "%-17s%8s%12.0f%8.3f%9.2f%9.1f%8.2f%9.2f%7.2f%7.2f%9.2f%9.2f ms%7.2f ms%7.2f us\n",
        r.key.c_str(), r.value.c_str(), r.rate, r.ratio, r.batches, r.batch_items, r.flushes[0], r.flushes[1],
        r.flushes[2], r.flushes[3], r.queue_waits, r.latency_p50_ms, r.latency_p99_ms, r.paced_cpu_us);
  }
  add(out, "ledger: points %llu, aggregated %llu, results refused %llu: %s\n",
      static_cast<unsigned long long>(report.samples), static_cast<unsigned long long>(report.aggregated),
      static_cast<unsigned long long>(report.refused), verdict(report.complete()));
  return out;
}

}  // namespace bridge
