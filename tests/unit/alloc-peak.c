/* malloc, counted: the peak between two points of a test.
 *
 * Responsible for taking the place of malloc, calloc, realloc and free in the test's process, the
 * libraries' calls included, and for the count. Not for: what is allocated by mmap, or aligned by
 * memalign (neither the wire nor zstd does that). Threads: the count is one for all; atomic.
 * Where a sanitizer has taken malloc's place, nothing is counted. */
#include "alloc-peak.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#	define COUNTED 0
#elif defined(__has_feature)
#	if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                 \
		__has_feature(memory_sanitizer)
#		define COUNTED 0
#	endif
#endif
#ifndef COUNTED
#	define COUNTED 1
#endif

static atomic_size_t now, start, peak;

void yett_alloc_begin(void)
{
	atomic_store(&start, atomic_load(&now));
	atomic_store(&peak, atomic_load(&now));
}

size_t yett_alloc_peak(void)
{
	size_t most = atomic_load(&peak), from = atomic_load(&start);

	return most > from ? most - from : 0;
}

#if COUNTED
/* glibc's own, which are there for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);

static void *more(void *bytes)
{
	size_t total, most;

	if (bytes == NULL) {
		return NULL;
	}
	total = atomic_fetch_add(&now, malloc_usable_size(bytes)) + malloc_usable_size(bytes);
	most = atomic_load(&peak);
	while (total > most && !atomic_compare_exchange_weak(&peak, &most, total)) {
	}
	return bytes;
}

static void less(void *bytes)
{
	if (bytes != NULL) {
		atomic_fetch_sub(&now, malloc_usable_size(bytes));
	}
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return more(__libc_malloc(size));
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
	return more(__libc_calloc(count, size));
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
	size_t before = old != NULL ? malloc_usable_size(old) : 0;
	void *bytes = __libc_realloc(old, size);

	if (bytes != NULL || size == 0) {
		atomic_fetch_sub(&now, before);
	}
	return more(bytes);
}

__attribute__((visibility("default"))) void free(void *bytes)
{
	less(bytes);
	__libc_free(bytes);
}
#endif
