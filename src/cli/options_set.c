/* options_set.c: what each row of the option table does with its value. */
#include <stdlib.h>
#include <string.h>

#include "nscan/engine.h"
#include "nscan/options.h"
#include "nscan/sources.h"
#include "nscan/values.h"

static void *field_of(struct options *options, const struct option_row *row)
{
	return (char *)options + row->field;
}

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory while reading the command line");
}

bool text_list_add(struct text_list *list, const char *text)
{
	const char **grown = realloc(list->texts, (list->count + 1) * sizeof(*grown));

	if (!grown)
		return false;
	list->texts = grown;
	list->texts[list->count++] = text;
	return true;
}

bool option_flag(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	(void)value, (void)err;
	*(bool *)field_of(options, row) = true;
	return true;
}

bool option_count(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	int *count = field_of(options, row);

	(void)value, (void)err;
	if (*count < 9)
		*count += (int)row->low;
	return true;
}

bool option_text(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	if (!*value)
		return err_set(err, ERR_USAGE, "%s: the value is empty; give a %s", row->name, row->value);
	*(const char **)field_of(options, row) = value;
	return true;
}

bool option_list(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	if (!*value)
		return err_set(err, ERR_USAGE, "%s: the value is empty; give a %s", row->name, row->value);
	return text_list_add(field_of(options, row), value) || no_memory(err);
}

static bool number_between(const struct option_row *row, const char *value, uint64_t *out, struct err *err)
{
	if (value_number(value, out) && *out >= row->low && *out <= row->high)
		return true;
	return err_set(err, ERR_USAGE, "%s %s: give a whole number from %llu to %llu", row->name, value,
	               (unsigned long long)row->low, (unsigned long long)row->high);
}

bool option_number(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	return number_between(row, value, field_of(options, row), err);
}

bool option_max_retries(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	options->has_max_retries = true;
	return number_between(row, value, &options->max_retries, err);
}

bool option_seed(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	options->has_seed = true;
	return number_between(row, value, &options->seed, err);
}

bool option_shard(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	if (shard_parse(value, &options->shard))
		return true;
	return err_set(err, ERR_USAGE,
	               "%s %s: give the part and how many there are, such as 1/7 up to 7/7 (at most %d)", row->name,
	               value, SHARD_MOST);
}

bool option_rate(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	if (value_rate(value, field_of(options, row)))
		return true;
	return err_set(err, ERR_USAGE, "%s %s: give a number of packets per second, 0.001 or more, such as 1000 or 0.5",
	               row->name, value);
}

bool option_duration(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	if (value_duration(value, field_of(options, row)))
		return true;
	return err_set(err, ERR_USAGE, "%s %s: give a time such as 500ms, 5s, 2m or 1h (a bare number is seconds)",
	               row->name, value);
}

bool option_pmtu(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	options->has_pmtu = true;
	options->pmtu = *value ? PMTU_FULL : PMTU_USUAL;
	if (*value && strcmp(value, "full") != 0)
		return err_set(err, ERR_USAGE, "%s=%s: give %s alone, or %s=full for every detail", row->name, value,
		               row->name, row->name);
	return true;
}

bool option_discovery(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	(void)value, (void)err;
	options->discovery |= (unsigned)row->low;
	return true;
}

/* Reads a port list and names the option in front of what is wrong with it. */
static bool read_ports(const struct option_row *row, const char *value, struct port_list *out, struct err *err)
{
	struct err why = {0};

	port_list_free(out);
	*out = (struct port_list){0};
	if (port_list_parse(value, out, &why))
		return true;
	return err_set(err, why.code, "%s: %s", row->name, why.text);
}

bool option_discovery_udp(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	options->discovery |= DISCOVER_UDP;
	return !*value || read_ports(row, value, &options->discovery_ports, err);
}

bool option_ports(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	return read_ports(row, value, &options->ports, err);
}

bool option_fast(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	(void)row, (void)value;
	port_list_free(&options->ports);
	options->ports = (struct port_list){0};
	return port_list_top(PORT_FAST_COUNT, &options->ports, err);
}

bool option_top_ports(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	uint64_t n;

	if (!number_between(row, value, &n, err))
		return false;
	port_list_free(&options->ports);
	options->ports = (struct port_list){0};
	return port_list_top((size_t)n, &options->ports, err);
}

bool option_source(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	if (!addr_parse(value, &options->source))
		return err_set(err, ERR_USAGE,
		               "%s %s: not an address; give one such as 192.168.0.1 (--iflist shows yours)", row->name,
		               value);
	if (options->source.family != 4)
		return err_set(err, ERR_USAGE, "%s %s: IPv6 scanning is not available yet; give an IPv4 address",
		               row->name, value);
	return true;
}

/* A whole number from 1 to 65535 that takes all of text[0..n). */
static bool one_port(const char *text, size_t n, uint16_t *out)
{
	char copy[8];
	uint64_t number;

	if (n == 0 || n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (!value_number(copy, &number) || number < 1 || number > UINT16_MAX)
		return false;
	*out = (uint16_t)number;
	return true;
}

bool option_source_ports(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	size_t n = strcspn(value, "-:");
	const char *last = value[n] ? value + n + 1 : value;

	if (!one_port(value, n, &options->source_port) || !one_port(last, strlen(last), &options->source_port_last))
		return err_set(err, ERR_USAGE, "%s %s: give a port from 1 to 65535, or a range such as 40000-40099",
		               row->name, value);
	if (options->source_port_last < options->source_port)
		return err_set(err, ERR_USAGE, "%s %s: the range is backwards; give %u-%u", row->name, value,
		               options->source_port_last, options->source_port);
	return true;
}

bool option_echo_ports(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	return read_ports(row, value, &options->echo_ports, err);
}

bool option_source_ips(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	struct err why = {0};

	return sources_parse(value, &options->sources, &options->source_count, &why) ||
	       err_set(err, why.code, "%s: %s", row->name, why.text);
}

/* Keeps a copy of the bytes that every probe shall carry. */
static bool keep_data(struct options *options, const void *bytes, size_t n, struct err *err)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		return no_memory(err);
	memcpy(copy, bytes, n);
	free(options->data);
	options->data = copy;
	options->data_bytes = n;
	options->has_data = true;
	return true;
}

bool option_data_hex(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	uint8_t bytes[PAYLOAD_MAX_BYTES];
	size_t n;

	if (value_hex_bytes(value, bytes, sizeof(bytes), &n))
		return keep_data(options, bytes, n, err);
	return err_set(err, ERR_USAGE, "%s %.64s: give pairs of hexadecimal digits, at most %d bytes", row->name, value,
	               PAYLOAD_MAX_BYTES);
}

bool option_data_string(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	size_t n = strlen(value);

	if (n <= PAYLOAD_MAX_BYTES)
		return keep_data(options, value, n, err);
	return err_set(err, ERR_USAGE, "%s: %zu bytes are too many for one packet; give at most %d", row->name, n,
	               PAYLOAD_MAX_BYTES);
}

bool option_data_length(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	options->has_data = true;
	return number_between(row, value, &options->data_bytes, err);
}

bool option_udp_checksum(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	if (strcmp(value, "auto") == 0) {
		options->checksum_mode = CHECKSUM_CHOSEN;
	} else if (strcmp(value, "none") == 0) {
		options->checksum_mode = CHECKSUM_NONE;
	} else if (value_hex16(value, &options->fixed_checksum) && options->fixed_checksum != 0) {
		options->checksum_mode = CHECKSUM_FIXED;
	} else {
		return err_set(err, ERR_USAGE, "%s %s: give auto, none, or up to four hexadecimal digits other than 0",
		               row->name, value);
	}
	return true;
}

/* Remembers one file to write; refuses one that another option writes already. */
static bool add_output(struct options *options, const struct report_format *format, const char *name, const char *path,
                       struct err *err)
{
	struct output_choice *choice;

	if (!*path)
		return err_set(err, ERR_USAGE, "%s: the file name is empty; give a path, or - for standard output",
		               name);
	if (strlen(path) >= OUTPUT_PATH_BYTES)
		return err_set(err, ERR_USAGE, "%s %.40s...: the path is too long; at most %d bytes", name, path,
		               OUTPUT_PATH_BYTES - 1);
	if (options->output_count == OUTPUT_MAX)
		return err_set(err, ERR_USAGE, "%s %s: too many output files; at most %d", name, path, OUTPUT_MAX);
	for (size_t i = 0; i < options->output_count; i++) {
		if (strcmp(options->outputs[i].path, path) == 0)
			return err_set(err, ERR_USAGE,
			               "%s %s: another option writes there already; give each its own file", name,
			               strcmp(path, "-") == 0 ? "- (standard output)" : path);
	}
	choice = &options->outputs[options->output_count++];
	choice->format = format;
	strcpy(choice->path, path);
	return true;
}

bool option_output(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	static const struct {
		char letter;
		const struct report_format *format;
	} formats[] = {{'N', &report_normal}, {'X', &report_xml}, {'G', &report_grepable}, {'J', &report_json}};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].letter == row->name[2])
			return add_output(options, formats[i].format, row->name, value, err);
	}
	return err_set(err, ERR_USAGE, "%s: no such format", row->name);
}

bool option_output_all(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	static const struct report_format *const formats[] = {&report_normal, &report_xml, &report_grepable,
	                                                      &report_json};

	if (strcmp(value, "-") == 0)
		return err_set(err, ERR_USAGE, "%s -: four reports do not fit one standard output; give a base name",
		               row->name);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		char path[OUTPUT_PATH_BYTES];
		int n = snprintf(path, sizeof(path), "%s.%s", value, formats[i]->suffix);

		if (!*value || n < 0 || (size_t)n >= sizeof(path))
			return err_set(err, ERR_USAGE, "%s: give a base name of 1 to %d bytes", row->name,
			               OUTPUT_PATH_BYTES - 8);
		if (!add_output(options, formats[i], row->name, path, err))
			return false;
	}
	return true;
}
