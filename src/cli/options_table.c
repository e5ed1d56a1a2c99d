/* options_table.c: every option there is, in the order of --help. Parsing, --help and the man page check all read this table. */
#include "nscan/engine.h"
#include "nscan/options.h"

#define FIELD(name) offsetof(struct options, name)

static const uint64_t NS_MAX_SEED = INT64_MAX; /* JSON's integers are signed */

const struct option_row option_rows[] = {
        /* name, alias, group, place, value, help, set, field, low, high, repeats */
        {"-sU", NULL, GROUP_SCAN, VALUE_NONE, NULL, "UDP ports of the hosts that are up (the default)", option_flag,
         FIELD(udp), 0, 0, false},
        {"-sn", NULL, GROUP_SCAN, VALUE_NONE, NULL, "hosts only: who is up, who is inactive", option_flag,
         FIELD(hosts_only), 0, 0, false},

        {"-iL", NULL, GROUP_TARGETS, VALUE_NEXT, "FILE", "targets from a file; - is standard input", option_list,
         FIELD(target_files), 0, 0, true},
        {"--exclude", NULL, GROUP_TARGETS, VALUE_NEXT, "TARGET[,...]", "leave these out", option_list, FIELD(excludes),
         0, 0, true},
        {"--excludefile", NULL, GROUP_TARGETS, VALUE_NEXT, "FILE", "leave out what the file lists", option_list,
         FIELD(exclude_files), 0, 0, true},
        {"-n", NULL, GROUP_TARGETS, VALUE_NONE, NULL, "no reverse names (none are looked up as it is)", option_flag,
         FIELD(no_names), 0, 0, false},

        {"-Pn", NULL, GROUP_DISCOVERY, VALUE_NONE, NULL, "none: treat every target as up", option_discovery, 0,
         DISCOVER_NONE, 0, false},
        {"-PR", NULL, GROUP_DISCOVERY, VALUE_NONE, NULL, "ARP, for targets on the link", option_discovery, 0,
         DISCOVER_ARP, 0, false},
        {"-PE", NULL, GROUP_DISCOVERY, VALUE_NONE, NULL, "ICMP echo", option_discovery, 0, DISCOVER_ECHO, 0, false},
        {"-PP", NULL, GROUP_DISCOVERY, VALUE_NONE, NULL, "ICMP timestamp", option_discovery, 0, DISCOVER_TIMESTAMP, 0,
         false},
        {"-PU", NULL, GROUP_DISCOVERY, VALUE_ATTACHED, "PORTS", "UDP, to these ports or to an unlikely one",
         option_discovery_udp, 0, 0, 0, false},

        {"-p", NULL, GROUP_PORTS, VALUE_EITHER, "PORTS", "53,161,5000-6000, names, - for all", option_ports, 0, 0, 0,
         false},
        {"-F", NULL, GROUP_PORTS, VALUE_NONE, NULL, "the few ports that matter most", option_fast, 0, 0, 0, false},
        {"--top-ports", NULL, GROUP_PORTS, VALUE_NEXT, "N", "the N ports that matter most", option_top_ports, 0, 1,
         65535, false},

        {"-e", NULL, GROUP_SOURCE, VALUE_NEXT, "INTERFACE", "send and listen there", option_text, FIELD(interface), 0,
         0, false},
        {"-S", NULL, GROUP_SOURCE, VALUE_NEXT, "ADDRESS", "source address", option_source, 0, 0, 0, false},
        {"-g", NULL, GROUP_SOURCE, VALUE_EITHER, "PORT", "source port", option_number, FIELD(source_port), 1, 65535,
         false},

        {"--ttl", NULL, GROUP_PROBE, VALUE_NEXT, "N", "time to live", option_number, FIELD(ttl), 1, 255, false},
        {"--tos", NULL, GROUP_PROBE, VALUE_NEXT, "N", "type of service byte (0x.. or decimal)", option_number,
         FIELD(tos), 0, 255, false},
        {"--data", NULL, GROUP_PROBE, VALUE_NEXT, "HEX", "these bytes, whatever the port", option_data_hex, 0, 0, 0,
         false},
        {"--data-string", NULL, GROUP_PROBE, VALUE_NEXT, "TEXT", "this text, whatever the port", option_data_string, 0,
         0, 0, false},
        {"--data-length", NULL, GROUP_PROBE, VALUE_NEXT, "N", "N random bytes, whatever the port", option_data_length,
         0, 0, PAYLOAD_MAX_BYTES, false},
        {"--badsum", NULL, GROUP_PROBE, VALUE_NONE, NULL, "a wrong UDP checksum: only a middlebox answers", option_flag,
         FIELD(bad_checksum), 0, 0, false},
        {"--udp-checksum", NULL, GROUP_PROBE, VALUE_NEXT, "auto|none|HEX", "correct (the default), absent, or this one",
         option_udp_checksum, 0, 0, 0, false},

        {"--max-rate", NULL, GROUP_SPEED, VALUE_NEXT, "N", "at most N packets a second", option_rate, FIELD(max_rate),
         0, 0, false},
        {"--max-retries", NULL, GROUP_SPEED, VALUE_NEXT, "N", "ask a silent host or port again N times",
         option_max_retries, 0, 0, 100, false},
        {"--seed", NULL, GROUP_SPEED, VALUE_NEXT, "N", "repeatable order", option_seed, 0, 0, NS_MAX_SEED, false},

        {"-oN", NULL, GROUP_OUTPUT, VALUE_NEXT, "FILE", "normal report; - is standard output", option_output, 0, 0, 0,
         true},
        {"-oX", NULL, GROUP_OUTPUT, VALUE_NEXT, "FILE", "nmap's XML", option_output, 0, 0, 0, true},
        {"-oG", NULL, GROUP_OUTPUT, VALUE_NEXT, "FILE", "grepable", option_output, 0, 0, 0, true},
        {"-oJ", NULL, GROUP_OUTPUT, VALUE_NEXT, "FILE", "JSON lines", option_output, 0, 0, 0, true},
        {"-oA", NULL, GROUP_OUTPUT, VALUE_NEXT, "BASE", "all four, as BASE.nscan .xml .gnmap .jsonl", option_output_all,
         0, 0, 0, false},
        {"--open", NULL, GROUP_OUTPUT, VALUE_NONE, NULL, "show only ports that are or may be open", option_flag,
         FIELD(open_only), 0, 0, false},
        {"--reason", NULL, GROUP_OUTPUT, VALUE_NONE, NULL, "show reasons everywhere", option_flag, FIELD(reason), 0, 0,
         false},
        {"-v", NULL, GROUP_OUTPUT, VALUE_NONE, NULL, "say more; -vv even more", option_count, FIELD(verbose), 1, 0,
         true},
        {"-vv", NULL, GROUP_OUTPUT, VALUE_NONE, NULL, NULL, option_count, FIELD(verbose), 2, 0, true},
        {"-d", NULL, GROUP_OUTPUT, VALUE_NONE, NULL, "say what nscan itself does; -dd even more", option_count,
         FIELD(debug), 1, 0, true},
        {"-dd", NULL, GROUP_OUTPUT, VALUE_NONE, NULL, NULL, option_count, FIELD(debug), 2, 0, true},
        {"--packet-trace", NULL, GROUP_OUTPUT, VALUE_NONE, NULL, "a line for every packet sent and received",
         option_flag, FIELD(packet_trace), 0, 0, false},
        {"--stats-every", NULL, GROUP_OUTPUT, VALUE_NEXT, "TIME", "where the scan stands, every 500ms, 5s, 2m ...",
         option_duration, FIELD(stats_every_ns), 0, 0, false},

        {"--resume", NULL, GROUP_OTHER, VALUE_NEXT, "FILE", "go on where the scan that wrote this -oJ file was cut off",
         option_text, FIELD(resume), 0, 0, false},
        {"--iflist", NULL, GROUP_OTHER, VALUE_NONE, NULL, "interfaces, addresses, MTU, state, routes", option_flag,
         FIELD(show_interfaces), 0, 0, false},
        {"--help", "-h", GROUP_OTHER, VALUE_NONE, NULL, "this text", option_flag, FIELD(show_help), 0, 0, false},
        {"--version", "-V", GROUP_OTHER, VALUE_NONE, NULL, "the version", option_flag, FIELD(show_version), 0, 0,
         false},
};
const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);
_Static_assert(sizeof(option_rows) / sizeof(option_rows[0]) <= 64, "struct options has one bit of `seen` for each row");

const struct option_conflict option_conflicts[] = {
        {"-sn", "-sU", "-sn asks no ports"},
        {"-sn", "-p", "-sn asks no ports"},
        {"-sn", "-F", "-sn asks no ports"},
        {"-sn", "--top-ports", "-sn asks no ports"},
        {"-sn", "-Pn", "nothing would be left to ask"},
        {"-Pn", "-PR", "-Pn asks no host whether it is up"},
        {"-Pn", "-PE", "-Pn asks no host whether it is up"},
        {"-Pn", "-PP", "-Pn asks no host whether it is up"},
        {"-Pn", "-PU", "-Pn asks no host whether it is up"},
        {"-p", "-F", "give one choice of ports"},
        {"-p", "--top-ports", "give one choice of ports"},
        {"-F", "--top-ports", "give one choice of ports"},
        {"--data", "--data-string", "a probe carries one payload"},
        {"--data", "--data-length", "a probe carries one payload"},
        {"--data-string", "--data-length", "a probe carries one payload"},
};
const size_t option_conflict_count = sizeof(option_conflicts) / sizeof(option_conflicts[0]);
