/*
 * What cppcheck has to know of PostgreSQL's headers, which it cannot digest:
 * which calls do not return, and what the macros that look like statements are.
 */
#include <stdlib.h>

#define PG_VERSION_NUM 150000
#define SIZEOF_DATUM 8
#define FLEXIBLE_ARRAY_MEMBER
#define PG_MODULE_MAGIC extern int module_magic
#define PG_FUNCTION_INFO_V1(name) extern int info_##name
#define PGDLLIMPORT
#define pg_attribute_always_inline inline
#define pg_attribute_noreturn() __attribute__((noreturn))
#define pg_attribute_printf(f, a)
#define ERROR 21
#define ereport(level, ...) do { if ((level) >= ERROR) exit(1); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) exit(1); } while (0)
#define PG_RE_THROW() exit(1)
#define ReThrowError(e) exit(1)
#define PG_TRY() do { int thrown = rand(); if (thrown == 0)
#define PG_CATCH() else
#define PG_FINALLY()
#define PG_END_TRY() } while (0)
#define foreach(cell, list) for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
#define dlist_foreach(iter, list) for ((iter).cur = dlist_first(list); (iter).cur != NULL; (iter).cur = dlist_next((iter).cur))
#define UINT64CONST(x) (x##UL)
#define INT64CONST(x) (x##L)
#define INT64_FORMAT "%ld"
#define UINT64_FORMAT "%lu"
#define INT64_MODIFIER "l"
#define unconstify(type, e) ((type) (e))
#define Assert(c) ((void) 0)
#define StaticAssertStmt(c, m) ((void) 0)
#define StaticAssertDecl(c, m) extern int static_assert
