/* options_ping.c: the command line of --ping and of --echo-server, as a whole. */
#include <string.h>

#include "nscan/options.h"
#include "nscan/ping.h"
#include "nscan/ping_payload.h"

#define LEAST_NS INT64_C(1000000)

/* What goes with each of the two; anything else has no meaning there. */
static const char *const with_ping[] = {
        "--ping",
        "-p",
        "--count",
        "--interval",
        "--timeout",
        "-g",
        "-S",
        "-e",
        "--ttl",
        "--tos",
        "--payload",
        "--payloads",
        "--data",
        "--data-string",
        "--data-length",
        "--udp-checksum",
        "--badsum",
        "--max-retries",
        "--max-time",
        "-oJ",
        "-w",
        "-v",
        "-vv",
        "-d",
        "-dd",
        "--packet-trace",
        "-n",
        NULL,
};
static const char *const with_echo_server[] = {
        "--echo-server", "-S", "-e", "--max-rate", "--max-time", "-v", "-vv", "-d", "-dd", "-n", NULL,
};
static const char *const only_with_ping[] = {"--count", "--interval", "--timeout", NULL};
static const char *const only_with_port[] = {"-g", "--udp-checksum", "--badsum", NULL};

static bool check_echo_server(const struct options *options, struct err *err)
{
	const char *other = options_first_given(options, with_echo_server, NULL, false);

	if (other)
		return err_set(err, ERR_USAGE, "--echo-server only answers: leave %s away", other);
	if (options->targets.count > 0)
		return err_set(err, ERR_USAGE,
		               "--echo-server asks nobody: leave '%.80s' away; -S says on which address to answer",
		               options->targets.texts[0]);
	return true;
}

static bool check_foreign(const struct options *options, struct err *err)
{
	const char *other = options_first_given(options, with_ping, NULL, false);

	if (!other)
		return true;
	if (strncmp(other, "-o", 2) == 0)
		return err_set(err, ERR_USAGE,
		               "--ping reports as text on standard output, and as JSON lines with -oJ FILE: leave %s "
		               "away",
		               other);
	return err_set(err, ERR_USAGE, "%s means nothing to --ping: leave it away", other);
}

static bool check_ping_values(const struct options *options, struct err *err)
{
	const char *needs_port = options_first_given(options, only_with_port, NULL, true);

	if (options->ports.count == 0 && needs_port)
		return err_set(err, ERR_USAGE, "%s: --ping without -p asks by ICMP echo; give a port", needs_port);
	if (options->interval_ns != 0 && options->interval_ns < LEAST_NS)
		return err_set(err, ERR_USAGE, "--interval: less than 1ms is a flood, not a ping; give 1ms or more");
	if (options->timeout_ns != 0 && options->timeout_ns < LEAST_NS)
		return err_set(err, ERR_USAGE, "--timeout: give 1ms or more");
	if (options->max_retries > PING_RETRIES_MOST)
		return err_set(err, ERR_USAGE, "--max-retries: --ping repeats a probe at most %d times",
		               PING_RETRIES_MOST);
	if (options->output_count > 1)
		return err_set(err, ERR_USAGE, "--ping writes one -oJ file; give one");
	return true;
}

static bool check_ping(const struct options *options, struct err *err)
{
	if (!check_foreign(options, err))
		return false;
	if (options->targets.count != 1)
		return err_set(err, ERR_USAGE, "--ping asks one host; give exactly one%s%.80s",
		               options->targets.count > 1 ? ", not also " : "",
		               options->targets.count > 1 ? options->targets.texts[1] : "");
	if (options->ports.count > 1)
		return err_set(err, ERR_USAGE, "-p: --ping asks one port; to look at several, leave --ping away");
	return check_ping_values(options, err);
}

bool options_check_ping(const struct options *options, struct err *err)
{
	const char *stray = options_first_given(options, only_with_ping, NULL, true);

	switch (options_action(options)) {
	case ACTION_ECHO:
		return check_echo_server(options, err);
	case ACTION_PING:
		return check_ping(options, err);
	case ACTION_SCAN:
		return !stray || err_set(err, ERR_USAGE, "%s goes with --ping only%s", stray,
		                         strcmp(stray, "--count") == 0     ? ", or with --watch"
		                         : strcmp(stray, "--timeout") == 0 ? ", or with --wait"
		                                                           : "");
	default:
		return true;
	}
}
