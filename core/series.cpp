#include "core/series.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <utility>

#include "core/check.h"

namespace core {
namespace {

// A name in the pool: u32 bytes of what follows; then u16 length and text of the field, and of each key
// value in turn. Every text carries its length, so two different lists never give the same bytes.
using NameSize = std::uint32_t;
using TextSize = std::uint16_t;
constexpr std::size_t text_max = 65535;
constexpr SeriesId no_series = ~SeriesId{0};
constexpr std::size_t first_index = 1024;

template <class Size>
Size size_at(const char* from) noexcept {
  Size size;
  std::memcpy(&size, from, sizeof size);
  return size;
}

template <class Size>
void append_size(std::size_t size, std::vector<char>& out) {
  const auto value = static_cast<Size>(size);
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

void append_text(std::string_view text, std::vector<char>& out) {
  CHECK(text.size() <= text_max, "a name of %zu bytes", text.size());
  append_size<TextSize>(text.size(), out);
  out.insert(out.end(), text.begin(), text.end());
}

// Both halves of the 128-bit product: every bit of the input reaches every bit of the result.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

SeriesTable::SeriesTable(std::uint32_t series_max)
    : series_max_(series_max), index_(first_index, Cell{0, no_series}), seed_(random_seed()) {
  CHECK(series_max >= 1 && series_max <= std::uint32_t{1} << 31, "series_max %u", series_max);
}

SeriesTable::~SeriesTable() = default;

std::optional<SeriesId> SeriesTable::intern(const Plan& plan, std::span<const std::string_view> key,
                                            std::string_view field, bool room) {
  encode(key, field);
  const std::uint32_t name_hash = hash(plan);
  if (const SeriesId known = find(plan, name_hash).id; known != no_series) return known;
  const std::uint32_t used = size_.load(std::memory_order_relaxed);
  if (!room || used == series_max_) return std::nullopt;
  // At most five eighths full: probes stay short.
  if ((std::size_t{used} + 1) * 8 > index_.size() * 5) grow_index();
  const SeriesId id = add(plan);
  find(plan, name_hash) = Cell{name_hash, id};
  size_.store(used + 1, std::memory_order_release);
  return id;
}

void SeriesTable::evict(SeriesId id) noexcept {
  const Entry& gone = entry(id);
  name_.assign(gone.name, gone.name + sizeof(NameSize) + name(id).size());
  name_.resize((name_.size() + 7) / 8 * 8, '\0');
  const std::size_t mask = index_.size() - 1;
  std::size_t at = hash(*gone.plan) & mask;
  while (index_[at].id != id) {
    CHECK(index_[at].id != no_series, "series %u is not in use", id);
    at = (at + 1) & mask;
  }
  erase(at);
  entry(id).note = {};
  size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_release);
}

void SeriesTable::release(SeriesId id) {
  names_.release(entry(id).name, sizeof(NameSize) + name(id).size());
  free_.push_back(id);
}

std::size_t SeriesTable::bytes() const noexcept {
  std::size_t entries = 0;
  for (std::size_t chunk = 0; chunk < chunks_max && chunks_[chunk]; ++chunk) entries += first_chunk << chunk;
  return entries * sizeof(Entry) + index_.capacity() * sizeof(Cell) + free_.capacity() * sizeof(SeriesId) +
         names_.bytes();
}

const Plan& SeriesTable::plan(SeriesId id) const noexcept { return *entry(id).plan; }

std::string_view SeriesTable::field(SeriesId id) const noexcept {
  const char* at = entry(id).name + sizeof(NameSize);
  return {at + sizeof(TextSize), size_at<TextSize>(at)};
}

std::string_view SeriesTable::name(SeriesId id) const noexcept {
  const char* name = entry(id).name;
  return {name + sizeof(NameSize), size_at<NameSize>(name)};
}

std::uint64_t SeriesTable::ordinal(SeriesId id) const noexcept { return entry(id).ordinal; }

std::string_view SeriesTable::key(SeriesId id, std::size_t i) const noexcept {
  const char* name = entry(id).name;
  const char* at = name + sizeof(NameSize);
  const char* end = at + size_at<NameSize>(name);
  for (std::size_t skip = 0; skip <= i; ++skip) {  // the field, and the keys before ours
    at += sizeof(TextSize) + size_at<TextSize>(at);
    CHECK(at < end, "series %u has no key %zu", id, i);
  }
  return {at + sizeof(TextSize), size_at<TextSize>(at)};
}

// Chunk k holds first_chunk << k entries, so the chunk is the highest bit of (id + first_chunk).
SeriesTable::Entry& SeriesTable::entry(SeriesId id) const noexcept {
  const std::uint32_t place = id + first_chunk;
  const auto chunk = static_cast<std::size_t>(std::bit_width(place / first_chunk)) - 1;
  return chunks_[chunk][place - (first_chunk << chunk)];
}

// Writes the name as it would lie in the pool, and zeros up to a multiple of 8 for the hash.
void SeriesTable::encode(std::span<const std::string_view> key, std::string_view field) {
  name_.clear();
  append_size<NameSize>(0, name_);
  append_text(field, name_);
  for (const std::string_view value : key) append_text(value, name_);
  const auto size = static_cast<NameSize>(name_.size() - sizeof(NameSize));
  std::memcpy(name_.data(), &size, sizeof size);
  name_.resize((name_.size() + 7) / 8 * 8, '\0');
}

std::uint32_t SeriesTable::hash(const Plan& plan) const noexcept {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
  std::uint64_t state = mix(seed_ ^ reinterpret_cast<std::uintptr_t>(&plan), odd);
  for (std::size_t at = 0; at < name_.size(); at += 8) {
    state = mix(state ^ size_at<std::uint64_t>(name_.data() + at), odd ^ seed_ << 1);
  }
  return static_cast<std::uint32_t>(mix(state, odd) >> 32);
}

// The cell of the name in name_: its own, or the empty one where it belongs.
SeriesTable::Cell& SeriesTable::find(const Plan& plan, std::uint32_t hash) noexcept {
  const std::size_t bytes = sizeof(NameSize) + size_at<NameSize>(name_.data());
  const std::size_t mask = index_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Cell& cell = index_[at];
    if (cell.id == no_series) return cell;
    if (cell.hash != hash) continue;
    const Entry& other = entry(cell.id);
    // The sizes first: only names of equal size may be compared to their ends.
    if (other.plan == &plan && std::memcmp(other.name, name_.data(), sizeof(NameSize)) == 0 &&
        std::memcmp(other.name, name_.data(), bytes) == 0) {
      return cell;
    }
  }
}

// The entry of the name in name_.
SeriesId SeriesTable::add(const Plan& plan) {
  const std::size_t bytes = sizeof(NameSize) + size_at<NameSize>(name_.data());
  const SeriesId id = unused_id();
  char* const text = names_.allocate(bytes);
  std::memcpy(text, name_.data(), bytes);
  entry(id) = Entry{&plan, text, interned_++, {}};
  return id;
}

SeriesId SeriesTable::unused_id() {
  if (!free_.empty()) {
    const SeriesId id = free_.back();
    free_.pop_back();
    return id;
  }
  const std::uint32_t place = ids_ + first_chunk;
  CHECK(place >= first_chunk, "%u series wait to be released", ids_ - size());
  const auto chunk = static_cast<std::size_t>(std::bit_width(place / first_chunk)) - 1;
  // Not set to zero: pages of a large chunk exist once their entries do.
  if (!chunks_[chunk])
    chunks_[chunk] = std::make_unique_for_overwrite<Entry[]>(std::size_t{first_chunk} << chunk);
  return ids_++;
}

// Empties a cell, and moves those behind it up that could not be found otherwise.
void SeriesTable::erase(std::size_t at) noexcept {
  const std::size_t mask = index_.size() - 1;
  for (std::size_t next = (at + 1) & mask; index_[next].id != no_series; next = (next + 1) & mask) {
    const std::size_t home = index_[next].hash & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue;  // it would stand before its home
    index_[at] = index_[next];
    at = next;
  }
  index_[at].id = no_series;
}

void SeriesTable::grow_index() {
  std::vector<Cell> larger(index_.size() * 2, Cell{0, no_series});
  const std::size_t mask = larger.size() - 1;
  for (const Cell& cell : index_) {
    if (cell.id == no_series) continue;
    std::size_t at = cell.hash & mask;
    while (larger[at].id != no_series) at = (at + 1) & mask;
    larger[at] = cell;
  }
  index_ = std::move(larger);
}

}  // namespace core
