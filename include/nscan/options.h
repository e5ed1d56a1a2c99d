/* options.h: the command line as one struct, and the one table that drives parsing, --help and the man page check.
 *
 * Parsing does no I/O beyond looking up service names: files, interfaces and host names are for those who use the options. */
#ifndef NSCAN_OPTIONS_H
#define NSCAN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nscan/addr.h"
#include "nscan/err.h"
#include "nscan/payload.h"
#include "nscan/pmtu.h"
#include "nscan/ports.h"
#include "nscan/probe.h"
#include "nscan/report.h"
#include "nscan/shard.h"

enum action {
	ACTION_SCAN,
	ACTION_HELP,
	ACTION_VERSION,
	ACTION_IFLIST,
	ACTION_RESUME,
	ACTION_MERGE,
	ACTION_WAIT,
	ACTION_WATCH,
	ACTION_READ,
	ACTION_PING,
	ACTION_ECHO,
	ACTION_PAYLOADS
};

/* Texts as typed, in order. They point into argv; only the array is owned. */
struct text_list {
	const char **texts;
	size_t count;
};

enum { OUTPUT_MAX = 16, OUTPUT_PATH_BYTES = 256, OPTION_ROWS_MAX = 128 };

/* One -oN, -oX, -oG or -oJ; -oA is four of them. */
struct output_choice {
	const struct report_format *format;
	char path[OUTPUT_PATH_BYTES]; /* "-" is standard output */
	bool append;                  /* --resume: go on at the end */
};

/* Zero-initialised is "nothing chosen". options_free releases what it owns. */
struct options {
	int argc;
	char *const *argv; /* as typed; outlives the options */
	bool show_help;
	bool show_version;
	bool show_interfaces;
	const char *resume; /* --resume FILE */
	bool merge;         /* --merge: the targets are files */
	const char *record; /* -w FILE: keep the scan's packets; "-" is standard output */
	const char *wait;   /* --wait HOST[:PORT] */
	int64_t watch_ns;   /* --watch; 0: not given */
	bool quiet; /* set by --wait and --watch for the scans that they make: no report and no message of their own */
	struct text_list captures; /* -r FILE, in order: report from these, send nothing */

	struct text_list targets;
	struct text_list target_files; /* -iL */
	struct text_list excludes;
	struct text_list exclude_files;

	bool hosts_only;                  /* -sn */
	bool broadcast_ping;              /* --broadcast-ping; sets hosts_only */
	bool udp;                         /* -sU; also when neither is given */
	bool has_pmtu;                    /* --pmtu */
	bool no_pmtu;                     /* --no-pmtu */
	enum pmtu_mode pmtu;              /* what --pmtu asks for */
	unsigned discovery;               /* enum discovery bits */
	struct port_list discovery_ports; /* -PU53,161; empty: the default */

	struct port_list ports; /* what -p, -F, --top-ports or the default say; empty with -sn */

	bool ping;                   /* --ping */
	struct port_list echo_ports; /* --echo-server; empty: not given */
	uint64_t count;              /* --count; 0: not given */
	int64_t interval_ns;         /* --interval; 0: not given */
	int64_t timeout_ns;          /* --timeout; 0: not given */

	bool no_names;           /* -n */
	bool all_names;          /* -R */
	const char *dns_servers; /* --dns-servers */
	const char *interface;   /* -e */
	struct addr source;      /* -S */
	struct addr *sources;    /* --source-ips; NULL: not given */
	size_t source_count;
	uint16_t source_port;      /* -g; 0: any */
	uint16_t source_port_last; /* -g FIRST-LAST; else as source_port */
	uint64_t ttl;
	uint64_t tos;
	bool has_data; /* --data, --data-string, --data-length */
	uint8_t *data; /* NULL with --data-length: the bytes are drawn later */
	uint64_t data_bytes;
	enum payload_set payload_set; /* --payloads */
	struct payload *own_payloads; /* --payload, in the order given; their bytes are the options' own */
	size_t own_payload_count;
	bool show_payloads; /* --list-payloads */
	bool bad_checksum;
	enum checksum_mode checksum_mode;
	uint16_t fixed_checksum;

	bool has_timing; /* -T */
	int timing;
	double max_rate;         /* packets per second; 0: default */
	double min_rate;         /* --min-rate; 0: none */
	double max_host_rate;    /* by -T: asks per second to one host; 0: default */
	int64_t host_timeout_ns; /* 0: none */
	int64_t max_time_ns;     /* 0: none */
	bool has_max_retries;
	uint64_t max_retries;
	struct shard shard; /* --shard */
	bool has_seed;
	uint64_t seed;

	struct output_choice outputs[OUTPUT_MAX];
	size_t output_count;
	bool open_only;
	bool reason;
	int verbose;
	int debug;
	bool packet_trace;
	int64_t stats_every_ns; /* 0: never */

	bool seen[OPTION_ROWS_MAX]; /* by row of the table: it was given */
};

/* Reads argv[1..]. False with one line in *err (ERR_USAGE) that names the argument and the remedy; *options needs
 * options_free either way. */
bool options_parse(int argc, char *const *argv, struct options *options, struct err *err);
void options_free(struct options *options);
enum action options_action(const struct options *options);
/* The output that goes to standard output, or NULL. */
const struct output_choice *options_stdout(const struct options *options);

enum option_group {
	GROUP_SCAN,
	GROUP_TARGETS,
	GROUP_DISCOVERY,
	GROUP_PORTS,
	GROUP_SOURCE,
	GROUP_PROBE,
	GROUP_SPEED,
	GROUP_PING,
	GROUP_WATCH,
	GROUP_OUTPUT,
	GROUP_OTHER,
	GROUP_COUNT
};

/* Where an option's value may stand. */
enum value_place {
	VALUE_NONE,     /* takes none */
	VALUE_NEXT,     /* in the next argument, or after '=' where the option has two dashes */
	VALUE_EITHER,   /* in the next argument, or right behind: -p53 */
	VALUE_ATTACHED, /* only right behind, may be left out: -PU53 */
};

/* One option. */
struct option_row {
	const char *name;  /* "-p", "--ttl" */
	const char *alias; /* "-h" for "--help"; else NULL */
	enum option_group group;
	enum value_place place;
	const char *value; /* what --help calls the value: "PORTS" */
	const char *help;
	/* Stores the value (NULL for VALUE_NONE); *err says what is wrong with it. */
	bool (*set)(struct options *options, const struct option_row *row, const char *value, struct err *err);
	size_t field; /* offset in struct options, for the setters that need one */
	uint64_t low; /* bounds of a number, or the value that a flag adds */
	uint64_t high;
	bool repeats; /* may be given more than once */
};

/* In src/cli/options_table.c. */
extern const struct option_row option_rows[];
extern const size_t option_row_count;
/* Pairs of options that contradict each other. */
struct option_conflict {
	const char *first;
	const char *second;
	const char *why;
};
extern const struct option_conflict option_conflicts[];
extern const size_t option_conflict_count;

/* Setters, in src/cli/options_set.c. */
bool option_flag(struct options *, const struct option_row *, const char *, struct err *);
bool option_count(struct options *, const struct option_row *, const char *, struct err *);
bool option_text(struct options *, const struct option_row *, const char *, struct err *);
bool option_list(struct options *, const struct option_row *, const char *, struct err *);
bool option_number(struct options *, const struct option_row *, const char *, struct err *);
bool option_rate(struct options *, const struct option_row *, const char *, struct err *);
bool option_duration(struct options *, const struct option_row *, const char *, struct err *);
bool option_pmtu(struct options *, const struct option_row *, const char *, struct err *);
bool option_discovery(struct options *, const struct option_row *, const char *, struct err *);
bool option_discovery_udp(struct options *, const struct option_row *, const char *, struct err *);
bool option_ports(struct options *, const struct option_row *, const char *, struct err *);
bool option_fast(struct options *, const struct option_row *, const char *, struct err *);
bool option_top_ports(struct options *, const struct option_row *, const char *, struct err *);
bool option_source(struct options *, const struct option_row *, const char *, struct err *);
bool option_source_ports(struct options *, const struct option_row *, const char *, struct err *);
bool option_echo_ports(struct options *, const struct option_row *, const char *, struct err *);
bool option_source_ips(struct options *, const struct option_row *, const char *, struct err *);
bool option_payload(struct options *, const struct option_row *, const char *, struct err *);
bool option_payload_set(struct options *, const struct option_row *, const char *, struct err *);
bool option_data_hex(struct options *, const struct option_row *, const char *, struct err *);
bool option_data_string(struct options *, const struct option_row *, const char *, struct err *);
bool option_data_length(struct options *, const struct option_row *, const char *, struct err *);
bool option_udp_checksum(struct options *, const struct option_row *, const char *, struct err *);
bool option_max_retries(struct options *, const struct option_row *, const char *, struct err *);
bool option_timing(struct options *, const struct option_row *, const char *, struct err *);
bool option_shard(struct options *, const struct option_row *, const char *, struct err *);
bool option_seed(struct options *, const struct option_row *, const char *, struct err *);
bool option_output(struct options *, const struct option_row *, const char *, struct err *);
bool option_output_all(struct options *, const struct option_row *, const char *, struct err *);

/* Fills what -T decides and no option of its own does. In src/cli/timing.c. */
void options_apply_timing(struct options *options);
/* The name of the first option given that is (or is not) in one of the lists, which end with NULL; `more` may be none. NULL: there is no
 * such option. */
const char *options_first_given(const struct options *options, const char *const *list, const char *const *more,
                                bool in);
/* What --ping and --echo-server need and what they have no use for; without them, what only they have. In options_ping.c. */
bool options_check_ping(const struct options *options, struct err *err);
/* --merge, --wait and --watch: whether the action is one of them, and what else may be given with it. In options_operate.c. */
bool options_is_operation(const struct options *options);
bool options_check_operation(struct options *options, struct err *err);
/* Appends a text to a list. False only when memory ran out. */
bool text_list_add(struct text_list *list, const char *text);
/* Prints the usage, grouped, from the table. */
void options_help(FILE *out);

#endif
