/* options_operate.c: the command lines of --merge, --wait and --watch, as a whole. */
#include <string.h>

#include "nscan/engine.h"
#include "nscan/options.h"

#define LEAST_WATCH_NS INT64_C(100000000)

/* What goes with each; anything else has no meaning there. */
static const char *const with_merge[] = {
        "--merge", "-oN", "-oX", "-oG", "-oJ", "-oA", "--open", "--reason", "-v", "-vv", "-d", "-dd", NULL,
};
static const char *const with_wait[] = {"--wait", "--timeout", "--packet-trace", NULL};
static const char *const with_watch[] = {
        "--watch",
        "--count",
        "-sn",
        "-sU",
        "-iL",
        "--exclude",
        "--excludefile",
        "--shard",
        "-Pn",
        "-p",
        "-F",
        "--top-ports",
        "-T",
        "--max-rate",
        "--min-rate",
        "--max-retries",
        "--host-timeout",
        "--max-time",
        "--seed",
        "-oN",
        "-oJ",
        "--open",
        "--reason",
        NULL,
};
/* What both of these take: they ask. */
static const char *const of_asking[] = {
        "-PR",
        "-PE",
        "-PP",
        "-PU",
        "-e",
        "-S",
        "-g",
        "--ttl",
        "--tos",
        "--data",
        "--data-string",
        "--data-length",
        "--udp-checksum",
        "-w",
        "-v",
        "-vv",
        "-d",
        "-dd",
        "-n",
        NULL,
};
static const char *const choices_of_ports[] = {"-sU", "-p", "-F", "--top-ports", NULL};

static bool check_merge(const struct options *options, struct err *err)
{
	const char *other = options_first_given(options, with_merge, NULL, false);

	if (other)
		return err_set(err, ERR_USAGE, "--merge reads reports and asks nobody: leave %s away", other);
	if (options->targets.count == 0)
		return err_set(err, ERR_USAGE,
		               "--merge: name the -oJ files to merge: nscan --merge part*.jsonl -oX all.xml");
	return true;
}

static bool check_wait(const struct options *options, struct err *err)
{
	const char *other = options_first_given(options, with_wait, of_asking, false);

	if (other)
		return err_set(err, ERR_USAGE, "%s means nothing to --wait: leave it away", other);
	if (options->targets.count > 0)
		return err_set(err, ERR_USAGE, "--wait waits for one host, %.80s; leave '%.80s' away", options->wait,
		               options->targets.texts[0]);
	return true;
}

static bool check_watch(struct options *options, struct err *err)
{
	const char *other = options_first_given(options, with_watch, of_asking, false);

	if (other && (strcmp(other, "-oX") == 0 || strcmp(other, "-oG") == 0 || strcmp(other, "-oA") == 0))
		return err_set(err, ERR_USAGE, "%s tells of one scan, not of changes: with --watch give -oN or -oJ",
		               other);
	if (other)
		return err_set(err, ERR_USAGE, "%s does not go with --watch: leave it away", other);
	if (options->watch_ns < LEAST_WATCH_NS)
		return err_set(err, ERR_USAGE,
		               "--watch: give 100ms or more; a round takes as long as its silent hosts do");
	if (options->targets.count == 0 && options->target_files.count == 0)
		return err_set(err, ERR_USAGE, "no targets: give at least one address, range, name or -iL FILE");
	/* A sweep, unless ports are asked for. */
	if (options_first_given(options, choices_of_ports, NULL, true) == NULL)
		options->hosts_only = true;
	if (options->hosts_only && options->discovery & DISCOVER_NONE)
		return err_set(err, ERR_USAGE,
		               "-Pn and --watch without ports do not go together: nothing would be left to ask");
	if (!options->hosts_only && options->ports.count == 0)
		return port_list_top(PORT_DEFAULT_COUNT, &options->ports, err);
	return true;
}

bool options_is_operation(const struct options *options)
{
	enum action action = options_action(options);

	return action == ACTION_MERGE || action == ACTION_WAIT || action == ACTION_WATCH;
}

bool options_check_operation(struct options *options, struct err *err)
{
	switch (options_action(options)) {
	case ACTION_MERGE:
		return check_merge(options, err);
	case ACTION_WAIT:
		return check_wait(options, err);
	default:
		return check_watch(options, err);
	}
}
