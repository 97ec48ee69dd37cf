// What sanitizers are told to overlook, with the reason. In every program of a sanitized build, weir too: the
// tests start it, and a leak that is not ours would become its exit code.

// Paho loses publications that were under way when a connection broke, and a link that it has damaged is kept
// and never freed (bridge/mqtt_link.h).
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libpaho-mqtt3as\n"; }

// Paho is not built with ThreadSanitizer, which therefore does not see it count the owners of its tokens and
// messages: where either side lets go of the last one, that looks like a race. Its two libraries take their
// two locks in one order while a client is set up and in the other once it is connected: never both.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:shared_ptr<mqtt::\nrace:async_client::remove_token\nrace:mqtt::token::~token\n"
         "deadlock:async_client::set_callback\n";
}
