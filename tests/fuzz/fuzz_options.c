/* fuzz_options.c: any command line, its words separated by NUL bytes or line ends, and every reader of values on each word. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/options.h"
#include "nscan/values.h"

enum { WORDS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void read_values(const char *word)
{
	uint8_t data[16];
	uint64_t number;
	int64_t duration_ns;
	double rate;
	uint16_t checksum;
	size_t count = 0;

	value_number(word, &number);
	if (value_duration(word, &duration_ns) && duration_ns <= 0)
		abort();
	if (value_rate(word, &rate) && !(rate > 0))
		abort();
	value_hex16(word, &checksum);
	if (value_hex_bytes(word, data, sizeof(data), &count) && (count == 0 || count > sizeof(data)))
		abort();
}

/* A command line is either refused with one line that says why, or has all that a scan needs. */
static void check(const struct options *options, bool ok, const struct err *err)
{
	if (!ok) {
		if (err->code == ERR_NONE || err->text[0] == '\0' || strchr(err->text, '\n'))
			abort();
		return;
	}
	if (options_action(options) != ACTION_SCAN)
		return;
	if (options->targets.count + options->target_files.count == 0)
		abort();
	if (options->hosts_only != (options->ports.count == 0))
		abort();
	if (options->output_count > OUTPUT_MAX || options->data_bytes > PAYLOAD_MAX_BYTES)
		abort();
}

static bool any_word_holds(char *const *words, int count, const char *piece)
{
	for (int i = 0; i < count; i++)
		if (strstr(words[i], piece))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static char name[] = "nscan";
	char *argv[WORDS_MAX + 2] = {name};
	char *text = malloc(n + 1);
	struct options options;
	struct err err = {0};
	int argc = 1;
	bool ok;

	if (!text)
		return 0;
	memcpy(text, bytes, n);
	text[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			text[i] = '\0';
	}
	for (size_t at = 0; at < n && argc <= WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	for (int i = 1; i < argc; i++)
		read_values(argv[i]);
	/* --payload PORT=@FILE opens the file: a fuzzer must not open what it likes. */
	if (!any_word_holds(argv, argc, "=@")) {
		ok = options_parse(argc, argv, &options, &err);
		check(&options, ok, &err);
		options_free(&options);
	}
	free(text);
	return 0;
}
