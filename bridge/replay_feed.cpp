#include "bridge/replay_feed.h"

#include <algorithm>
#include <cstdio>

namespace bridge {
namespace {

constexpr core::Position messages_per_chunk = 32'768;

// What is no message.
void take_time(ReplayReader::Kind kind, core::Time now, Edge& edge) {
  if (kind == ReplayReader::Kind::tick) {
    edge.take_tick(now);
  } else {
    edge.take_link(kind == ReplayReader::Kind::link_up, now);
  }
}

}  // namespace

ReplayFeed::ReplayFeed(const std::vector<std::string>& files, const CsvOptions& csv) {
  for (const std::string& file : files) readers_.push_back(ReplayReader::open(file, csv));
}

void ReplayFeed::run(Pipeline& pipeline, const std::function<void()>& take) {
  chunk_end_ = messages_per_chunk;
  for (const auto& reader : readers_) {
    run_file(*reader, pipeline, take);
    if (reader->skipped() != 0) {
      std::fprintf(stderr, "weir: %llu records could not be read; the first: %s\n",
                   static_cast<unsigned long long>(reader->skipped()), reader->first_problem().c_str());
    }
    skipped_ += reader->skipped();
    reordered_ += reader->reordered();
  }
  pipeline.engine().finish(pipeline.edge().position());
  pipeline.engine().close();
  take();
}

void ReplayFeed::run_file(ReplayReader& reader, Pipeline& pipeline, const std::function<void()>& take) {
  Edge& edge = pipeline.edge();
  ReplayReader::Record record;
  while (reader.next(record)) {
    // Files follow one another; a later one does not take time back.
    record.message.arrival = last_ = std::max(last_, record.message.arrival);
    if (record.kind != ReplayReader::Kind::message) {
      take_time(record.kind, last_, edge);
      continue;
    }
    if (edge.position() >= chunk_end_) {
      pipeline.engine().settle();
      take();
      chunk_end_ = edge.position() + messages_per_chunk;
    }
    edge.take(record.message);
  }
}

}  // namespace bridge
