/* sweep_store.c: what is known of each address of a sweep: nothing at all for pages in which everybody is silent. */
#include <stdlib.h>
#include <string.h>

#include "sweep_internal.h"

bool sweep_store_init(struct sweep_store *store, uint64_t count)
{
	store->count = count;
	store->pages = calloc(count / PAGE_ADDRESSES + 1, sizeof(struct sweep_page *));
	return store->pages != NULL;
}

void sweep_store_free(struct sweep_store *store)
{
	for (uint64_t p = 0; store->pages && p <= store->count / PAGE_ADDRESSES; p++) {
		if (!store->pages[p])
			continue;
		free(store->pages[p]->answers);
		free(store->pages[p]->macs);
		free(store->pages[p]);
	}
	free(store->pages);
	store->pages = NULL;
}

uint8_t sweep_store_code(const struct sweep_store *store, uint64_t i)
{
	const struct sweep_page *page = store->pages[i / PAGE_ADDRESSES];

	return page ? page->code[i % PAGE_ADDRESSES] : CODE_SILENT;
}

const struct sweep_verdict *sweep_store_verdict(const struct sweep_store *store, uint8_t code)
{
	return &store->verdicts[code - 1];
}

bool sweep_store_is_settled(const struct sweep_store *store, uint64_t i)
{
	uint8_t code = sweep_store_code(store, i);

	return code != CODE_SILENT && (code == CODE_SKIPPED || !sweep_store_verdict(store, code)->asked_on);
}

static uint8_t find_verdict(const struct sweep_store *store, const struct sweep_verdict *verdict)
{
	for (unsigned v = 0; v < store->verdict_count; v++) {
		const struct sweep_verdict *known = &store->verdicts[v];

		if (known->state == verdict->state && known->asked_on == verdict->asked_on &&
		    (known->reason == verdict->reason || strcmp(known->reason, verdict->reason) == 0) &&
		    addr_equal(&known->from, &verdict->from))
			return (uint8_t)(v + 1);
	}
	return 0;
}

uint8_t sweep_store_code_for(struct sweep_store *store, const struct sweep_verdict *verdict)
{
	/* A third is kept for verdicts without an address, of which there are only so many. */
	bool full = store->verdict_count >= (addr_is_set(&verdict->from) ? MOST_VERDICTS * 2 / 3 : MOST_VERDICTS);
	struct sweep_verdict from_many = *verdict;
	uint8_t code = find_verdict(store, verdict);

	if (code != 0)
		return code;
	if (!full) {
		store->verdicts[store->verdict_count++] = *verdict;
		return (uint8_t)store->verdict_count;
	}
	if (!addr_is_set(&verdict->from))
		return MOST_VERDICTS; /* cannot be: there are fewer reasons */
	from_many.from = (struct addr){0};
	return sweep_store_code_for(store, &from_many);
}

struct sweep_page *sweep_store_page(struct sweep_store *store, uint64_t i)
{
	struct sweep_page **page = &store->pages[i / PAGE_ADDRESSES];

	if (!*page)
		*page = calloc(1, sizeof(**page));
	return *page;
}

struct sweep_answers *sweep_page_answers(struct sweep_page *page)
{
	if (!page->answers) {
		page->answers = calloc(1, sizeof(*page->answers));
		if (page->answers)
			memset(page->answers->rtt, 0xff, sizeof(page->answers->rtt));
	}
	return page->answers;
}

bool sweep_page_set_mac(struct sweep_page *page, uint64_t i, const uint8_t mac[MAC_BYTES])
{
	if (!page->macs)
		page->macs = calloc(PAGE_ADDRESSES, sizeof(*page->macs));
	if (!page->macs)
		return false;
	memcpy(page->macs[i % PAGE_ADDRESSES], mac, MAC_BYTES);
	return true;
}
