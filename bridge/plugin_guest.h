// Guest: what a broker's callbacks call: weir as long as the plugin is loaded, under one configuration after
// the other. Knows nothing of the broker's API, so that tests need no broker.
//
//   broker's thread   message(), tick(), reload(): none waits, none touches a file
//   house thread      owns configuration, life and HTTP, from their beginning to their end; all other threads
//                     come from it. At a reload it reads the file, and lets the life adopt the new streams,
//                     or, where more has changed, ends it and begins another
//
// The house and whoever comes from it have file descriptors of their own: what the broker opens and closes is
// not theirs, nor the other way round.
//
// A life that ends hands over its last results in tick() as before, while the journal of the new one gathers
// what comes meanwhile.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bridge/http.h"
#include "bridge/plugin_doorbell.h"
#include "bridge/plugin_life.h"
#include "bridge/plugin_options.h"

namespace bridge {

class Guest {
 public:
  // How long results of the old configuration may still be published after a reload.
  static constexpr core::Duration finish_within = std::chrono::seconds{5};

  // The broker's thread. Returns when the configuration was read and HTTP is there. Throws SetupError.
  explicit Guest(PluginOptions options);
  ~Guest();  // the broker's thread: what is not published by now is given up, and all threads end
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  // True: the message has done what it came for and shall go no further.
  bool message(std::string_view topic, std::string_view payload, int qos, bool retain);
  // A turn of the broker's loop: results go to `deliver`.
  void tick(const PluginSink::Deliver& deliver);
  void reload();
  // What the broker's log should say, now and then; a line each.
  [[nodiscard]] std::vector<std::string> words();

 private:
  void keep_house(std::promise<void> begun) noexcept;
  void begin();
  [[nodiscard]] bool reload_asked();
  void reload_once();
  // What it came to, for the log; nothing: weir is leaving.
  [[nodiscard]] std::optional<std::string> adopt(const Config& config);
  [[nodiscard]] std::optional<std::string> replace(const Config& config);
  [[nodiscard]] bool broker_takes(const std::function<bool()>& taken) const;
  [[nodiscard]] std::unique_ptr<HttpServer> listen(const Config& config);
  [[nodiscard]] std::function<void()> wake() const;
  void say(std::string line);
  void show(PluginLife& life);
  [[nodiscard]] Stats stats();
  void tell_start();

  const PluginOptions options_;
  const BrokerBell bell_;
  Pulse pulse_;

  // The broker thread's.
  PluginLife* current_ = nullptr;
  PluginLife* retiring_ = nullptr;
  std::uint32_t turns_ = 0;

  // Left by the house for the broker's thread, which answers by taking it away.
  std::atomic<PluginLife*> next_{nullptr};  // shall be the current one; the current one then retires
  std::atomic<bool> retired_{false};        // the retiring one has no more to publish
  std::atomic<bool> leaving_{false};

  std::mutex mutex_;  // of the next three; held for a few instructions
  std::condition_variable asked_;
  bool reload_wished_ = false;
  std::vector<std::string> words_;
  std::atomic<bool> has_words_{false};

  std::mutex shown_mutex_;       // never the broker's
  PluginLife* shown_ = nullptr;  // in metrics

  // The house's.
  Config config_;  // in use
  std::unique_ptr<PluginLife> life_;
  std::unique_ptr<HttpServer> http_;
  std::jthread house_;  // last: it uses all of the above
};

}  // namespace bridge
