/* select_words.c - see select_words.h. The words are put together as SQL, which is read as any.  */
#include "query/select_words.h"

#include "mem/buffer.h"
#include "sql/parse.h"
#include "table/definition.h"

#include <assert.h>

#define WORD_COLUMNS BYTES("COLUMNS")
#define WORD_WHERE BYTES("WHERE")
#define WORD_DISTINCT BYTES("DISTINCT")
#define WORD_AS BYTES("AS")
#define WORD_BY BYTES("BY")
#define WORD_RETURNING BYTES("RETURNING")

enum { CLAUSE_GROUP, CLAUSE_HAVING, CLAUSE_ORDER, CLAUSE_LIMIT };

const struct bytes select_clause_words[SELECT_CLAUSE_WORDS] = {
    [CLAUSE_GROUP] = BYTES("GROUP"), [CLAUSE_HAVING] = BYTES("HAVING"), [CLAUSE_ORDER] = BYTES("ORDER"), [CLAUSE_LIMIT] = BYTES("LIMIT")};

/* --- finding the clauses --- */

static bool is_word(const struct bytes *argv, uint32_t argc, uint32_t at, struct bytes word)
{
    return at < argc && bytes_equal_ignore_case(argv[at], word);
}

static bool begins_clause(const struct bytes *argv, uint32_t argc, uint32_t at)
{
    bool begins = false;
    for (int i = 0; i < SELECT_CLAUSE_WORDS && !begins; i++) {
        const bool needs_by = i == CLAUSE_GROUP || i == CLAUSE_ORDER;
        begins = is_word(argv, argc, at, select_clause_words[i]) && (!needs_by || is_word(argv, argc, at + 1, WORD_BY));
    }
    return begins;
}

void select_words_read_columns(struct select_words *words, const struct bytes *argv, uint32_t argc, uint32_t *at)
{
    if (!is_word(argv, argc, *at, WORD_COLUMNS)) {
        return;
    }
    words->columns = ++*at;
    while (*at < argc && !is_word(argv, argc, *at, WORD_WHERE) && !begins_clause(argv, argc, *at)) {
        ++*at;
    }
    words->columns_end = *at;
}

void select_words_read_rest(struct select_words *words, const struct bytes *argv, uint32_t argc, uint32_t *at)
{
    if (begins_clause(argv, argc, *at)) {
        words->rest = *at;
        words->rest_end = *at = argc;
    }
}

void select_words_read_returning(struct select_words *words, const struct bytes *argv, uint32_t end, uint32_t *at)
{
    if (is_word(argv, end, *at, WORD_RETURNING)) {
        words->columns = *at + 1;
        words->columns_end = *at = end;
    }
}

uint32_t select_words_find_returning(const struct bytes *argv, uint32_t at, uint32_t end)
{
    while (at < end && !bytes_equal_ignore_case(argv[at], WORD_RETURNING)) {
        at++;
    }
    return at;
}

/* --- the clauses as SQL --- */

struct writer {
    struct buffer text;
    const struct select_source *source;
    bool is_refused; /* memory was */
};

static void write(struct writer *writer, struct bytes text)
{
    writer->is_refused = writer->is_refused || !buffer_append(&writer->text, text);
}

static void write_quoted(struct writer *writer, struct bytes name)
{
    write(writer, BYTES("\""));
    for (size_t i = 0; i < name.len; i++) {
        write(writer, (struct bytes){name.data + i, 1});
        if (name.data[i] == '"') {
            write(writer, BYTES("\""));
        }
    }
    write(writer, BYTES("\""));
}

static bool ends_with_comma(struct bytes word)
{
    return word.len > 0 && word.data[word.len - 1] == ',';
}

/* A column's name is quoted, whatever characters it has; a comma may stand behind it. Any other word is SQL. */
static void write_word(struct writer *writer, struct bytes word)
{
    const bool has_comma = ends_with_comma(word);
    const struct bytes name = {word.data, word.len - has_comma};
    if (schema_find_column(writer->source->schema, name) != COLUMN_NONE) {
        write_quoted(writer, name);
        write(writer, has_comma ? BYTES(",") : BYTES(""));
    } else {
        write(writer, word);
    }
}

/* --- lists --- */

struct list {
    const struct bytes *argv;
    uint32_t from, end;
    bool has_commas; /* else each word is an element, but for those that belong to the one before */
};

static struct list list_of(const struct bytes *argv, uint32_t from, uint32_t end)
{
    struct list list = {.argv = argv, .from = from, .end = end};
    for (uint32_t at = from; at < end; at++) {
        list.has_commas = list.has_commas || ends_with_comma(argv[at]);
    }
    return list;
}

/* ASC, DESC, NULLS FIRST and NULLS LAST. */
static bool is_direction(const struct list *list, uint32_t at)
{
    const bool is_nulls = is_word(list->argv, list->end, at, BYTES("NULLS"));
    const bool is_behind_nulls = at > list->from && is_word(list->argv, list->end, at - 1, BYTES("NULLS"));
    return at > list->from && (is_nulls || is_word(list->argv, list->end, at, BYTES("ASC")) || is_word(list->argv, list->end, at, BYTES("DESC")) ||
                               (is_behind_nulls && (is_word(list->argv, list->end, at, BYTES("FIRST")) || is_word(list->argv, list->end, at, BYTES("LAST")))));
}

static void write_list(struct writer *writer, const struct list *list, bool has_directions)
{
    for (uint32_t at = list->from; at < list->end; at++) {
        const bool continues = has_directions && is_direction(list, at);
        write(writer, at > list->from && !list->has_commas && !continues ? BYTES(", ") : BYTES(" "));
        if (continues) {
            write(writer, list->argv[at]);
        } else {
            write_word(writer, list->argv[at]);
        }
    }
}

/* An item is a word, and perhaps AS and a name behind it. */
static void write_items(struct writer *writer, const struct list *list)
{
    for (uint32_t at = list->from; at < list->end; at++) {
        write(writer, at > list->from && !list->has_commas ? BYTES(", ") : BYTES(" "));
        write_word(writer, list->argv[at]);
        if (!list->has_commas && is_word(list->argv, list->end, at + 1, WORD_AS) && at + 2 < list->end) {
            write(writer, BYTES(" AS "));
            write_quoted(writer, list->argv[at + 2]);
            at += 2;
        }
    }
}

static void write_columns(struct writer *writer, const struct select_words *words, const struct bytes *argv)
{
    const bool is_distinct = is_word(argv, words->columns_end, words->columns, WORD_DISTINCT);
    const struct list items = list_of(argv, words->columns + is_distinct, words->columns_end);
    write(writer, is_distinct ? BYTES(" DISTINCT") : BYTES(""));
    write_items(writer, &items);
}

/* GROUP BY and ORDER BY have lists; HAVING and LIMIT are taken as they are. */
static uint32_t write_clause(struct writer *writer, const struct bytes *argv, uint32_t at, uint32_t end)
{
    const bool is_order = is_word(argv, end, at, select_clause_words[CLAUSE_ORDER]);
    const bool has_list = is_order || is_word(argv, end, at, select_clause_words[CLAUSE_GROUP]);
    uint32_t next = at + 1 + has_list;
    while (next < end && !begins_clause(argv, end, next)) {
        next++;
    }
    const struct list words = list_of(argv, at + 1 + has_list, next);
    write(writer, BYTES(" "));
    write(writer, argv[at]);
    write(writer, has_list ? BYTES(" BY") : BYTES(""));
    if (has_list) {
        write_list(writer, &words, is_order);
    }
    for (uint32_t i = words.from; i < next && !has_list; i++) {
        write(writer, BYTES(" "));
        write(writer, argv[i]);
    }
    return next;
}

static void write_statement(struct writer *writer, const struct select_words *words, const struct bytes *argv)
{
    write(writer, BYTES("SELECT"));
    if (words->columns_end > 0) {
        write_columns(writer, words, argv);
    } else {
        write(writer, BYTES(" *"));
    }
    write(writer, BYTES(" FROM "));
    write_quoted(writer, writer->source->space);
    write(writer, BYTES("."));
    write_quoted(writer, writer->source->table);
    for (uint32_t at = words->rest; at < words->rest_end;) {
        at = write_clause(writer, argv, at, words->rest_end);
    }
}

/* --- the plan --- */

/* An item, or a word behind, could have said more than it may. */
static bool is_of_one_table(const struct sql_statement *statement, const struct select_source *source)
{
    if (statement->kind != SQL_STATEMENT_SELECT || statement->is_explain || statement->parameter_count > 0) {
        return false;
    }
    const struct sql_select *select = statement->query->selects;
    const struct sql_source *from = select->sources;
    return select->next == NULL && select->where == NULL && from != NULL && from->next == NULL && from->alias.len == 0 &&
           bytes_equal(from->table->space, source->space) && bytes_equal(from->table->name, source->table);
}

static enum sql_fault_kind plan(struct select_source *source, struct arena *arena, struct select **out, struct sql_fault *fault)
{
    const struct sql_statement *statement;
    const enum sql_fault_kind kind = sql_parse(source->text, arena, &statement, fault);
    if (kind != SQL_FAULT_NONE) {
        select_fault_show(fault, source->text);
        return kind;
    }
    if (!is_of_one_table(statement, source)) {
        sql_fault_set(fault, SQL_FAULT_MEANING, source->text, 0, "items and clauses of one table were expected");
        select_fault_show(fault, source->text);
        return SQL_FAULT_MEANING;
    }
    source->query = statement->query;
    return select_plan(source, arena, out, fault);
}

enum sql_fault_kind select_words_plan(const struct select_words *words, const struct bytes *argv, const struct schema *schema,
                                      const struct hash_secret *secret, struct arena *arena, struct select **out, struct sql_fault *fault)
{
    struct select_source source = {.schema = schema, .secret = secret, .has_items = words->columns_end > 0, .shows_text = true};
    struct writer writer = {.text = BUFFER_EMPTY(MEM_QUERY_BUFFER), .source = &source};
    const enum table_result split = table_name_split(argv[1], &source.space, &source.table);
    assert(split == TABLE_OK); /* the table is there */
    (void)split;
    write_statement(&writer, words, argv);
    enum sql_fault_kind kind = SQL_FAULT_NO_MEMORY;
    if (writer.is_refused) {
        sql_fault_set(fault, kind, BYTES(""), 0, "no memory for the statement");
    } else {
        source.text = (struct bytes){writer.text.data, writer.text.len};
        kind = plan(&source, arena, out, fault);
    }
    buffer_release(&writer.text);
    return kind;
}
