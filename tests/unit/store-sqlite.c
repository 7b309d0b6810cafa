/* store-sqlite: the contract, and what is its own. */
#include "../../modules/store-sqlite/internal.h"
#include "store-contract.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct yett_sqlite_settings settings;

const void *store_settings(const char *folder)
{
	(void)folder; /* it is the state directory */
	settings = (struct yett_sqlite_settings){
		.path = "yett.db", .keep_ns = 0, .size_bytes = 0, .busy_timeout_ns = 50000000};
	return &settings;
}

int main(void)
{
	CU_initialize_registry();
	store_contract_add(CU_add_suite("store-sqlite: contract", NULL, NULL));
	return store_run();
}
