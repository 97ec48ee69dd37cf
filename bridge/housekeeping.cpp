// Keys that devices and gateways put beside their measurements, as seen in what they really send. A key that
// some devices use for a measurement (frequency, voltage, battery, latitude, status, t) is left alone: a
// series too many is seen and excluded, one too few is not.
#include "bridge/config.h"

namespace bridge {

const std::vector<std::string>& housekeeping() {
  static const std::vector<std::string> globs{
      // how well a radio hears
      "rssi", "*_rssi", "rssi_*", "linkquality", "link_quality", "lqi", "snr", "*_snr", "lorasnr", "signal",
      "signal_*", "linkcount", "txpower", "tx_power", "channel", "channel_index", "channel_utilization",
      "air_util_tx", "hop_*", "hops_*", "wifi/*", "*/wifi/*", "wifi_*",
      // LoRaWAN: what the network knows of an uplink
      "txinfo/*", "*/txinfo/*", "rxinfo/*", "*/rxinfo/*", "*/rx_metadata/*", "fport", "f_port", "fcnt*",
      "f_cnt*", "dr", "data_rate_index", "spreading_factor", "spreadingfactor", "spreadfactor", "rxpackets*",
      "txpackets*", "*/locations/*",
      // who and which
      "id", "ids", "*_id", "idx", "uid", "oid", "pid", "*_pid", "*deviceid", "messageid", "downlinkid",
      "uplinkid", "*writerid", "sender", "from", "to", "mac", "eui", "deveui", "imei", "imsi", "iccid",
      "serial*", "transaction", "*_type", "major", "minor", "ibeacon*", "index", "instance", "unit",
      // counters of messages
      "seq", "seqno", "seq_no", "*_seq", "sequence*", "frame_counter", "msgcount", "msg_count", "mqttcount",
      "event_cnt", "packetsize",
      // times
      "ts", "*_ts", "tst", "time", "timestamp*", "*timestamp", "*_timestamp", "*_at", "*edat", "epoch*",
      "unixtime", "unix_time", "utc", "datetime", "date*", "origin", "created", "modified", "last_seen",
      "lastseen", "last_update*", "lastupdate*", "start_time", "end_time", "timer_*",
      // the device about itself
      "uptime*", "*uptime", "uptime_*", "downtime", "boot_count", "bootcount", "reboot*", "restart*",
      "reset_count", "heap*", "*heap", "*_heap", "heap_*", "ram_*", "mem_*", "fs_*", "loadavg", "load_avg",
      "sleep", "sleep_*", "sockport", "port", "keepalive", "qos", "gatewayfree", "gatewayload",
      // versions and settings
      "version", "*version", "*_version", "proto_ver", "protocol", "rev", "*_rev", "revision", "firmware*",
      "fw_*", "hardware*", "hw_*", "update/*", "*/update/*", "interval", "*_interval", "*_timeout",
      "*_calibration", "*_sensitivity", "settings/*", "*/settings/*", "config/*", "*/config/*", "metadata/*",
      "*/metadata/*", "desired/*", "*/desired/*"};
  return globs;
}

}  // namespace bridge
