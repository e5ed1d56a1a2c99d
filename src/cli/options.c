/* options.c: argv becomes struct options, by the table in options_table.c. */
#include "nscan/options.h"

#include <stdlib.h>
#include <string.h>

#include "nscan/engine.h"
#include "payload_options.h"

void options_free(struct options *options)
{
	free(options->targets.texts);
	free(options->target_files.texts);
	free(options->excludes.texts);
	free(options->exclude_files.texts);
	free(options->captures.texts);
	port_list_free(&options->discovery_ports);
	port_list_free(&options->ports);
	port_list_free(&options->echo_ports);
	free(options->sources);
	free(options->data);
	payload_options_free(options);
	*options = (struct options){0};
}

enum action options_action(const struct options *options)
{
	if (options->show_help)
		return ACTION_HELP;
	if (options->show_version)
		return ACTION_VERSION;
	if (options->show_interfaces)
		return ACTION_IFLIST;
	if (options->show_payloads)
		return ACTION_PAYLOADS;
	if (options->resume)
		return ACTION_RESUME;
	if (options->merge)
		return ACTION_MERGE;
	if (options->wait)
		return ACTION_WAIT;
	if (options->watch_ns > 0)
		return ACTION_WATCH;
	if (options->captures.count > 0)
		return ACTION_READ;
	if (options->echo_ports.count > 0)
		return ACTION_ECHO;
	if (options->ping)
		return ACTION_PING;
	return ACTION_SCAN;
}

const struct output_choice *options_stdout(const struct options *options)
{
	for (size_t i = 0; i < options->output_count; i++) {
		if (strcmp(options->outputs[i].path, "-") == 0)
			return &options->outputs[i];
	}
	return NULL;
}

/* The row called exactly the first `n` bytes of `name`. */
static const struct option_row *find_row(const char *name, size_t n)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (strlen(row->name) == n && memcmp(row->name, name, n) == 0)
			return row;
		if (row->alias && strlen(row->alias) == n && memcmp(row->alias, name, n) == 0)
			return row;
	}
	return NULL;
}

/* The row whose value is attached to it: -p53, -PU53,161. Longest name first, so that -PU wins over a future -P. */
static const struct option_row *find_attached(const char *argument)
{
	const struct option_row *best = NULL;

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		size_t n = strlen(row->name);

		if ((row->place == VALUE_EITHER || row->place == VALUE_ATTACHED) &&
		    strncmp(argument, row->name, n) == 0 && (!best || n > strlen(best->name)))
			best = row;
	}
	return best;
}

static bool unknown_option(const char *argument, struct err *err)
{
	char other[64];
	int n = argument[1] == '-' ? snprintf(other, sizeof(other), "%s", argument + 1)
	                           : snprintf(other, sizeof(other), "-%s", argument);

	if (n > 0 && (size_t)n < sizeof(other)) {
		size_t name_bytes = strcspn(other, "=");

		if (find_row(other, name_bytes))
			return err_set(err, ERR_USAGE, "unknown option '%s'; did you mean %.*s?", argument,
			               (int)name_bytes, other);
	}
	if (strncmp(argument, "-s", 2) == 0)
		return err_set(err, ERR_USAGE, "unknown option '%s'; nscan asks UDP ports (-sU) or hosts alone (-sn)",
		               argument);
	return err_set(err, ERR_USAGE, "unknown option '%s'; nscan --help lists what there is", argument);
}

/* The row that `argument` names, and the value it brings along (NULL: none). */
static const struct option_row *split_argument(const char *argument, const char **value)
{
	bool is_long = argument[1] == '-';
	size_t name_bytes = is_long ? strcspn(argument, "=") : strlen(argument);
	const struct option_row *row = find_row(argument, name_bytes);

	*value = NULL;
	if (row) {
		if (argument[name_bytes] == '=')
			*value = argument + name_bytes + 1;
		return row;
	}
	if (is_long)
		return NULL;
	row = find_attached(argument);
	if (row) {
		char with_two_dashes[64];
		int n = snprintf(with_two_dashes, sizeof(with_two_dashes), "-%s", argument);

		/* -packet-trace is a slip of the finger, not -p with the ports "acket-trace". */
		if (n > 0 && (size_t)n < sizeof(with_two_dashes) &&
		    find_row(with_two_dashes, strcspn(with_two_dashes, "=")))
			return NULL;
		*value = argument + strlen(row->name);
	}
	return row;
}

/* Reads the option at argv[*at], and moves *at past what it took. */
static bool parse_option(struct options *options, int *at, struct err *err)
{
	const char *argument = options->argv[(*at)++];
	const char *value;
	const struct option_row *row = split_argument(argument, &value);
	bool *seen;

	if (!row)
		return unknown_option(argument, err);
	seen = &options->seen[row - option_rows];
	if (row->place == VALUE_NONE && value)
		return err_set(err, ERR_USAGE, "%s takes no value; leave '=%s' away", row->name, value);
	if (row->place == VALUE_ATTACHED && !value)
		value = "";
	if (row->place != VALUE_NONE && !value) {
		if (*at >= options->argc)
			return err_set(err, ERR_USAGE, "%s needs a value: %s %s", row->name, row->name, row->value);
		value = options->argv[(*at)++];
		if (find_row(value, strlen(value)))
			return err_set(err, ERR_USAGE, "%s needs a value (%s), but the option %s follows", row->name,
			               row->value, value);
	}
	if (*seen && row->place != VALUE_NONE && !row->repeats)
		return err_set(err, ERR_USAGE, "%s is given twice; give it once", row->name);
	*seen = true;
	return row->set(options, row, value, err);
}

static bool was_seen(const struct options *options, const char *name)
{
	const struct option_row *row = find_row(name, strlen(name));

	return row && options->seen[row - option_rows];
}

static bool is_in(const char *name, const char *const *list)
{
	for (; list && *list; list++) {
		if (strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

const char *options_first_given(const struct options *options, const char *const *list, const char *const *more,
                                bool in)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const char *name = option_rows[i].name;

		if (options->seen[i] && (is_in(name, list) || is_in(name, more)) == in)
			return name;
	}
	return NULL;
}

static bool check_conflicts(const struct options *options, struct err *err)
{
	for (size_t i = 0; i < option_conflict_count; i++) {
		const struct option_conflict *c = &option_conflicts[i];

		if (was_seen(options, c->first) && was_seen(options, c->second))
			return err_set(err, ERR_USAGE, "%s and %s do not go together: %s", c->first, c->second, c->why);
	}
	return true;
}

/* -r reads: how to send and how fast is not its business, and taking such an option would promise something. */
static bool check_reading(const struct options *options, struct err *err)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (options->seen[i] && (row->group == GROUP_DISCOVERY || row->group == GROUP_SOURCE ||
		                         row->group == GROUP_PROBE || row->group == GROUP_SPEED))
			return err_set(err, ERR_USAGE, "-r reads a capture and never sends: leave %s away", row->name);
	}
	return true;
}

/* What only the whole command line can tell. */
static bool check_whole(struct options *options, struct err *err)
{
	if (options_action(options) == ACTION_RESUME) {
		size_t given = 0;

		for (size_t i = 0; i < option_row_count; i++)
			given += options->seen[i];
		given -= was_seen(options, "-w");
		if (given > 1 || options->targets.count > 0)
			return err_set(err, ERR_USAGE,
			               "--resume takes every other option and the targets from its file; give --resume "
			               "%s alone, or with -w",
			               options->resume);
		return true;
	}
	if (options_action(options) == ACTION_READ)
		return check_conflicts(options, err) && check_reading(options, err);
	if (options_is_operation(options))
		return check_conflicts(options, err) && options_check_operation(options, err);
	if (!options_check_ping(options, err))
		return false;
	if (options_action(options) != ACTION_SCAN)
		return options_action(options) != ACTION_PING || check_conflicts(options, err);
	if (!check_conflicts(options, err))
		return false;
	if (options->targets.count == 0 && options->target_files.count == 0)
		return err_set(
		        err, ERR_USAGE,
		        "no targets: give at least one address, range, name or -iL FILE; nscan --help shows how");
	return true;
}

bool options_parse(int argc, char *const *argv, struct options *options, struct err *err)
{
	bool options_ended = false;

	*options = (struct options){.argc = argc, .argv = argv};
	for (int at = 1; at < argc;) {
		const char *argument = argv[at];

		if (!options_ended && strcmp(argument, "--") == 0) {
			options_ended = true;
			at++;
		} else if (!options_ended && argument[0] == '-' && argument[1] != '\0') {
			if (!parse_option(options, &at, err))
				return false;
		} else {
			if (!*argument)
				return err_set(err, ERR_USAGE, "an empty argument is no target; leave it away");
			if (!text_list_add(&options->targets, argument))
				return err_set(err, ERR_SYSTEM, "out of memory while reading the command line");
			at++;
		}
	}
	if (!check_whole(options, err))
		return false;
	options_apply_timing(options);
	options->hosts_only |= options->broadcast_ping;
	if (options->max_rate > 0 && options->min_rate > options->max_rate)
		return err_set(
		        err, ERR_USAGE,
		        "--min-rate %g is more than --max-rate allows (%g): give one of them, or the smaller first",
		        options->min_rate, options->max_rate);
	if (options->min_rate > 0 && !options->hosts_only)
		return err_set(
		        err, ERR_USAGE,
		        "--min-rate is for sweeps (-sn): ports are asked as fast as each host's limit lets them be "
		        "told apart; leave it away");
	if (options->hosts_only || options_action(options) != ACTION_SCAN || options->ports.count > 0)
		return true;
	return port_list_top(PORT_DEFAULT_COUNT, &options->ports, err);
}
