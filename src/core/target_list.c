/* target_list.c: a file of target specifications (-iL, --excludefile), read as it comes: lines may have any length. */
#include <errno.h>
#include <string.h>

#include "nscan/targets.h"

#include "quote.h"

/* Longer than any specification: names have 253 bytes, and an octet list of all 256 values in all places is nothing
 * that anybody writes. */
enum { TOKEN_BYTES = 4096 };

struct list_reader {
	struct target_set *set;
	const struct resolver *resolver;
	const char *name;
	struct err *err;
	size_t line;
	size_t length;
	char token[TOKEN_BYTES];
};

static bool failed(const struct list_reader *reader, enum err_code code, const char *what)
{
	char name[QUOTE_BYTES];

	return err_set(reader->err, code, "%s line %zu: %s", quote_text(reader->name, strlen(reader->name), name),
	               reader->line, what);
}

static bool add_spec(struct list_reader *reader, const char *spec)
{
	struct err why = {0};

	if (target_set_add(reader->set, spec, reader->resolver, &why))
		return true;
	return failed(reader, why.code, why.text);
}

/* True for text such as "10.0.0.1,3": its commas belong to an octet. */
static bool is_octet_spec(const char *token)
{
	size_t dots = 0;

	for (const char *c = token; *c; c++)
		dots += *c == '.';
	return dots == 3 && token[strspn(token, "0123456789.,-*")] == '\0';
}

/* Adds what stands between two blanks: one specification, or several with commas between them. */
static bool take_token(struct list_reader *reader)
{
	/* Editors of some systems start a text file with this mark. */
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	char *at = reader->token;
	char *end = reader->token + reader->length;

	*end = '\0';
	reader->length = 0;
	if (reader->line == 1 && strncmp(at, byte_order_mark, 3) == 0)
		at += 3;
	while (*at == ',')
		at++;
	while (end > at && end[-1] == ',')
		*--end = '\0';
	if (*at == '\0')
		return true;
	if (is_octet_spec(at))
		return add_spec(reader, at);
	for (;;) {
		size_t n = strcspn(at, ",");
		bool more = at[n] == ',';

		at[n] = '\0';
		if (n > 0 && !add_spec(reader, at))
			return false;
		if (!more)
			return true;
		at += n + 1;
	}
}

/* Takes one byte of the file, outside comments. */
static bool take_byte(struct list_reader *reader, int c)
{
	if (strchr(" \t\r\n\v\f#", c))
		return take_token(reader);
	if (reader->length == sizeof(reader->token) - 1)
		return failed(reader, ERR_USAGE,
		              "a target of more than 4095 characters: separate targets by blanks or line ends");
	reader->token[reader->length++] = (char)c;
	return true;
}

bool target_set_add_stream(struct target_set *set, FILE *file, const char *name, const struct resolver *resolver,
                           struct err *err)
{
	struct list_reader reader = {.set = set, .resolver = resolver, .name = name, .err = err, .line = 1};
	bool in_comment = false;
	int c = 0;

	while ((c = getc_unlocked(file)) != EOF) {
		if (c == '\0')
			return failed(&reader, ERR_USAGE, "a NUL byte: the list must be plain text (ASCII or UTF-8)");
		if (!in_comment && !take_byte(&reader, c))
			return false;
		if (c == '#')
			in_comment = true;
		if (c == '\n') {
			in_comment = false;
			reader.line++;
		}
	}
	if (ferror(file))
		return failed(&reader, ERR_USAGE, strerror(errno));
	return take_token(&reader);
}
