/* fuzz_ports.c: any list of ports; what it says must survive being written and read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/ports.h"

enum { SEARCHES = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(const struct port_list *list)
{
	struct port_list again = {0};
	char *text = port_list_format(list);

	if (list->count == 0 || list->ports[0] == 0 || !port_list_parse(text, &again, NULL))
		abort();
	if (again.count != list->count || memcmp(again.ports, list->ports, list->count * sizeof(*list->ports)) != 0)
		abort();
	for (size_t i = 1; i < list->count; i++) {
		if (list->ports[i - 1] >= list->ports[i])
			abort();
	}
	/* A search for each of 65,535 ports would leave no time for other inputs. */
	for (size_t i = 0; i < list->count; i += 1 + list->count / SEARCHES) {
		if (!port_list_contains(list, list->ports[i]))
			abort();
	}
	free(text);
	port_list_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char *text = malloc(n + 1);
	struct port_list list = {0};
	struct err err = {0};

	memcpy(text, bytes, n);
	text[n] = '\0';
	if (port_list_parse(text, &list, &err))
		check(&list);
	else if (err.code == ERR_NONE || err.text[0] == '\0' || strchr(err.text, '\n'))
		abort();
	port_list_free(&list);
	free(text);
	return 0;
}
