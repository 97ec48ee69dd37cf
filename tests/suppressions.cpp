// What sanitizers are told to overlook, with the reason. In every program of a sanitized build, weir too: the
// tests start it, and a leak that is not ours would become its exit code.

// Paho loses publications that were under way when a connection broke, and a link that it has damaged is kept
// and never freed (bridge/mqtt_link.h).
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libpaho-mqtt3as\n"; }
