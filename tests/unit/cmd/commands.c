/* The command table: every row of every family is sound, and the copies hang together.  */
#include "cmd/commands.h"

#include "acl/key_flags.h"
#include "cmd/core/answers.h"
#include "cmd/core/command_name.h"
#include "cmd/introspect/introspect.h"
#include "cmd/introspect/syntax.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <string.h>

Test(commands, numbers_rows_and_links_subcommands)
{
    struct command_table table;
    cr_assert(command_table_create(&table));
    cr_assert_gt(table.count, 100);
    cr_assert_null(table.rows[table.count]);
    for (uint32_t i = 0; i < table.count; i++) {
        const struct command_spec *row = table.rows[i];
        cr_assert_eq(row->index, i, "%s", row->name);
        if (row->parent != NULL) {
            cr_assert_eq(command_find_below(row->parent, bytes_of_string(row->name)), row, "%s", row->name);
            cr_assert_eq(table.rows[row->parent->index], row->parent);
        }
    }
    command_table_destroy(&table);
}

Test(commands, have_sound_rows)
{
    struct command_table table;
    cr_assert(command_table_create(&table));
    for (uint32_t i = 0; i < table.count; i++) {
        const struct command_spec *row = table.rows[i];
        char name[COMMAND_NAME_MAX];
        command_full_name(row, name);
        cr_assert_neq(row->arity, 0, "%s", name);
        cr_assert_not_null(row->since, "%s", name);
        cr_assert_not_null(row->group, "%s", name);
        cr_assert_not_null(row->summary, "%s", name);
        cr_assert(row->run != NULL || row->subcommands != NULL, "%s", name);
        cr_assert((row->scope == SCOPE_ROUTED) == (row->route != NULL), "%s", name);
        bool has_keys = row->keys.first > 0 || row->key_specs != NULL;
        cr_assert(!row->names_table || !has_keys, "%s", name);
        cr_assert(row->run == NULL || row->scope != SCOPE_KEYS || has_keys, "%s", name);
        for (const char *c = row->name; *c != '\0'; c++) {
            cr_assert_not(*c >= 'A' && *c <= 'Z', "%s", name);
        }
        struct syntax syntax;
        cr_assert(syntax_parse(row->syntax, &syntax), "%s: %s", name, row->syntax);
        struct key_spec specs[KEY_SPECS_MAX];
        size_t spec_count = command_key_specs(row, specs);
        cr_assert_eq(spec_count > 0, has_keys || row->names_table, "%s", name);
        cr_assert(row->key_specs == NULL || row->keys.first == 0 || specs[0].place.index == row->keys.first, "%s", name);
        for (size_t k = 0; k < spec_count; k++) {
            const struct command_key_spec *place = &specs[k].place;
            cr_assert(place->step > 0 && (place->index > 0 || (place->index < 0 && place->keyword != NULL) || place->is_unknown),
                      "%s", name);
        }
    }
    command_table_destroy(&table);
}

Test(commands, have_names_of_their_own)
{
    struct command_table table;
    cr_assert(command_table_create(&table));
    for (uint32_t i = 0; i < table.count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            bool is_same = table.rows[i]->parent == table.rows[k]->parent && strcmp(table.rows[i]->name, table.rows[k]->name) == 0;
            cr_assert_not(is_same, "%s", table.rows[i]->name);
        }
    }
    command_table_destroy(&table);
}

Test(commands, give_all_memory_back)
{
    struct mem_counters before = {0}, after = {0};
    thread_heaps_total(&before);
    struct command_table table;
    cr_assert(command_table_create(&table));
    command_table_destroy(&table);
    thread_heaps_total(&after);
    cr_assert_eq(after.class_bytes[MEM_SERVER], before.class_bytes[MEM_SERVER]);
}

Test(commands, have_a_text_for_every_result)
{
    for (enum result result = RESULT_NO_MEMORY; result <= RESULT_SYSTEM; result++) {
        cr_assert_not_null(result_error_text(result));
    }
}
