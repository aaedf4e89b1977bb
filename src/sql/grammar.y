/* grammar.y - the grammar of statements. lemon makes a C file and a header of it.
 *
 * Operators bind as in SQLite, the loosest first. Words below %fallback can be names, too, wherever the grammar has no use for them.
 * Rules only call the builder (builder.h); after a fault that does nothing.  */
%name sql_grammar
%token_prefix SQL_TOKEN_
%token_type {struct sql_token}
%extra_context {struct sql_builder *builder}
%default_type {struct sql_node *}
%stack_size 4000
%start_symbol command

%include {
#include "sql/automaton.h"
#include "sql/builder.h"

#include <assert.h>

#define sql_grammar_ENGINEALWAYSONSTACK 1
#define YYNOERRORRECOVERY 1
#define YYMALLOCARGTYPE size_t
}

%syntax_error { sql_build_reject(builder); }
%stack_overflow { sql_build_too_deep(builder); }

%fallback NAME
    ADD ALTER ASC AUTO BTREE BY CASCADE CHECK COLUMN CONFLICT DELETE DESC DO DROP EXPLAIN FIRST HASH IF IGNORE INDEX INSERT KEY LAST NOTHING NULLS
    OFFSET PRIMARY REFERENCES RENAME REPLACE RESTRICT RETURNING TO UPDATE USING VALUES.

%left OR.
%left AND.
%right NOT.
%left IS LIKE BETWEEN IN EQ NE.
%left LT LE GT GE.
%right ESCAPE.
%left PLUS MINUS.
%left STAR SLASH PERCENT.
%left CONCAT ARROW LONG_ARROW.
%right UNARY.

command ::= statement(S). { sql_build_finish(builder, S, false); }
command ::= statement(S) SEMICOLON. { sql_build_finish(builder, S, false); }
command ::= EXPLAIN statement(S). { sql_build_finish(builder, S, true); }
command ::= EXPLAIN statement(S) SEMICOLON. { sql_build_finish(builder, S, true); }

%type statement {struct sql_statement *}
statement(A) ::= query(Q). { A = sql_build_statement(builder, SQL_STATEMENT_SELECT, Q); }

/* --- SELECT --- */

%type query {struct sql_query *}
query(A) ::= selects(S). { A = sql_build_query(builder, S, NULL); builder->query_depth--; }
query(A) ::= selects(S) ORDER BY orders(O). { A = sql_build_query(builder, S, O); builder->query_depth--; }
query(A) ::= selects(S) LIMIT bound(L). {
    A = sql_build_query(builder, S, NULL);
    if (A != NULL) { A->limit = L; }
    builder->query_depth--;
}
query(A) ::= selects(S) LIMIT bound(L) OFFSET bound(O). {
    A = sql_build_query(builder, S, NULL);
    if (A != NULL) { A->limit = L; A->offset = O; }
    builder->query_depth--;
}
query(A) ::= selects(S) ORDER BY orders(R) LIMIT bound(L). {
    A = sql_build_query(builder, S, R);
    if (A != NULL) { A->limit = L; }
    builder->query_depth--;
}
query(A) ::= selects(S) ORDER BY orders(R) LIMIT bound(L) OFFSET bound(O). {
    A = sql_build_query(builder, S, R);
    if (A != NULL) { A->limit = L; A->offset = O; }
    builder->query_depth--;
}

%type selects {struct sql_chain *}
selects(A) ::= opened_select(S). { A = sql_build_link(builder, NULL, S); }
selects(A) ::= selects(B) UNION SELECT(T) select_body(S). {
    if (S != NULL) { S->position = T.position; }
    A = sql_build_link(builder, B, S);
}
selects(A) ::= selects(B) UNION ALL SELECT(T) select_body(S). {
    if (S != NULL) { S->position = T.position; S->is_all = true; }
    A = sql_build_link(builder, B, S);
}
%type opened_select {struct sql_select *}
opened_select(A) ::= opening(T) select_body(S). {
    if (S != NULL) { S->position = T.position; }
    A = S;
}
%type opening {struct sql_token}
opening(A) ::= SELECT(T). { A = T; sql_build_open_query(builder, T); }

%type select_body {struct sql_select *}
select_body(A) ::= distinct(D) items(I) from(F) where(W) group(G) having(H). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) {
        A->is_distinct = D;
        A->items = sql_build_chain_first(I);
        A->sources = sql_build_chain_first(F);
        A->where = W;
        A->group = G;
        A->having = H;
    }
}
%type distinct {int}
distinct(A) ::= . { A = 0; }
distinct(A) ::= ALL. { A = 0; }
distinct(A) ::= DISTINCT. { A = 1; }

%type items {struct sql_chain *}
items(A) ::= item(I). { A = sql_build_link(builder, NULL, I); }
items(A) ::= items(B) COMMA item(I). { A = sql_build_link(builder, B, I); }
%type item {struct sql_item *}
item(A) ::= STAR(S). { A = sql_build_star(builder, S, NULL); }
item(A) ::= NAME(T) DOT STAR(S). { A = sql_build_star(builder, S, &T); }
item(A) ::= expression(E). { A = sql_build_item(builder, E, (struct bytes){NULL, 0}); }
item(A) ::= expression(E) AS NAME(N). { A = sql_build_item(builder, E, sql_build_name(builder, N)); }
item(A) ::= expression(E) NAME(N). { A = sql_build_item(builder, E, sql_build_name(builder, N)); }

%type from {struct sql_chain *}
from(A) ::= . { A = NULL; }
from(A) ::= FROM sources(S). { A = S; }
%type sources {struct sql_chain *}
sources(A) ::= source(S). { A = sql_build_link(builder, NULL, S); }
sources(A) ::= sources(B) join(J) source(S) ON expression(E). {
    if (S != NULL) { S->join = (uint8_t)J; S->on = E; }
    A = sql_build_link(builder, B, S);
}
%type join {int}
join(A) ::= JOIN. { A = SQL_JOIN_INNER; }
join(A) ::= INNER JOIN. { A = SQL_JOIN_INNER; }
join(A) ::= LEFT JOIN. { A = SQL_JOIN_LEFT; }
join(A) ::= LEFT OUTER JOIN. { A = SQL_JOIN_LEFT; }
%type source {struct sql_source *}
source(A) ::= table(T). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->table = T; }
}
source(A) ::= table(T) NAME(N). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->table = T; A->alias = sql_build_name(builder, N); }
}
source(A) ::= table(T) AS NAME(N). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->table = T; A->alias = sql_build_name(builder, N); }
}
%type table {const struct sql_table *}
table(A) ::= NAME(S) DOT NAME(T). { A = sql_build_table(builder, S, T); }

where(A) ::= . { A = NULL; }
where(A) ::= WHERE expression(E). { A = E; }
group(A) ::= . { A = NULL; }
group(A) ::= GROUP BY list(L). { A = L; }
having(A) ::= . { A = NULL; }
having(A) ::= HAVING expression(E). { A = E; }

%type orders {struct sql_chain *}
orders(A) ::= order(O). { A = sql_build_link(builder, NULL, O); }
orders(A) ::= orders(B) COMMA order(O). { A = sql_build_link(builder, B, O); }
%type order {struct sql_order *}
order(A) ::= expression(E) direction(D) nulls(N). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->expression = E; A->is_descending = D; A->nulls = (uint8_t)N; }
}
%type direction {int}
direction(A) ::= . { A = 0; }
direction(A) ::= ASC. { A = 0; }
direction(A) ::= DESC. { A = 1; }
%type nulls {int}
nulls(A) ::= . { A = SQL_NULLS_DEFAULT; }
nulls(A) ::= NULLS FIRST. { A = SQL_NULLS_FIRST; }
nulls(A) ::= NULLS LAST. { A = SQL_NULLS_LAST; }
bound(A) ::= INTEGER(T). { A = sql_build_leaf(builder, SQL_INTEGER, T); }
bound(A) ::= parameter(P). { A = P; }

/* --- changes of rows --- */

statement(A) ::= INSERT INTO table(T) columns(C) VALUES rows(R) conflict(O) returning(I). {
    if (O != NULL) {
        O->table = T;
        O->columns = sql_build_chain_first(C);
        O->rows = R;
        O->returning = sql_build_chain_first(I);
    }
    A = sql_build_statement(builder, SQL_STATEMENT_INSERT, O);
}
statement(A) ::= INSERT OR deed(D) INTO table(T) columns(C) VALUES rows(R) returning(I). {
    struct sql_change *change = sql_build_block(builder, sizeof *change);
    if (change != NULL) {
        *change = (struct sql_change){.table = T, .columns = sql_build_chain_first(C), .rows = R, .conflict = (uint8_t)D, .is_or = true,
                                      .returning = sql_build_chain_first(I)};
    }
    A = sql_build_statement(builder, SQL_STATEMENT_INSERT, change);
}
%type deed {int}
deed(A) ::= IGNORE. { A = SQL_CONFLICT_NOTHING; }
deed(A) ::= REPLACE. { A = SQL_CONFLICT_REPLACE; }
%type columns {struct sql_chain *}
columns(A) ::= . { A = NULL; }
columns(A) ::= LP names(N) RP. { A = N; }
%type names {struct sql_chain *}
names(A) ::= NAME(N). { A = sql_build_link(builder, NULL, sql_build_name_part(builder, N)); }
names(A) ::= names(B) COMMA NAME(N). { A = sql_build_link(builder, B, sql_build_name_part(builder, N)); }
rows(A) ::= LP list(L) RP. { A = sql_build_list(builder, L); }
rows(A) ::= rows(B) COMMA LP list(L) RP. { A = sql_build_append(builder, B, L); }
%type conflict {struct sql_change *}
conflict(A) ::= . { A = sql_build_block(builder, sizeof *A); }
conflict(A) ::= ON CONFLICT columns(C) DO NOTHING. {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->conflict = SQL_CONFLICT_NOTHING; A->conflict_columns = sql_build_chain_first(C); }
}
conflict(A) ::= ON CONFLICT columns(C) DO REPLACE. {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->conflict = SQL_CONFLICT_REPLACE; A->conflict_columns = sql_build_chain_first(C); }
}
conflict(A) ::= ON CONFLICT columns(C) DO UPDATE SET sets(S) where(W). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) {
        A->conflict = SQL_CONFLICT_UPDATE;
        A->conflict_columns = sql_build_chain_first(C);
        A->sets = sql_build_chain_first(S);
        A->where = W;
    }
}
%type returning {struct sql_chain *}
returning(A) ::= . { A = NULL; }
returning(A) ::= RETURNING items(I). { A = I; }

statement(A) ::= UPDATE table(T) SET sets(S) where(W) returning(I). {
    struct sql_change *change = sql_build_block(builder, sizeof *change);
    if (change != NULL) {
        change->table = T;
        change->sets = sql_build_chain_first(S);
        change->where = W;
        change->returning = sql_build_chain_first(I);
    }
    A = sql_build_statement(builder, SQL_STATEMENT_UPDATE, change);
}
%type sets {struct sql_chain *}
sets(A) ::= set(S). { A = sql_build_link(builder, NULL, S); }
sets(A) ::= sets(B) COMMA set(S). { A = sql_build_link(builder, B, S); }
%type set {struct sql_set *}
set(A) ::= NAME(N) EQ expression(E). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->name = sql_build_name(builder, N); A->position = N.position; A->expression = E; }
}

statement(A) ::= DELETE FROM table(T) where(W) returning(I). {
    struct sql_change *change = sql_build_block(builder, sizeof *change);
    if (change != NULL) { change->table = T; change->where = W; change->returning = sql_build_chain_first(I); }
    A = sql_build_statement(builder, SQL_STATEMENT_DELETE, change);
}

/* --- changes of the catalogue --- */

%type definition {struct sql_definition *}
statement(A) ::= CREATE TABLE if_not_exists(X) table(T) LP table_columns(C) RP. {
    struct sql_definition *definition = sql_build_block(builder, sizeof *definition);
    if (definition != NULL) { definition->table = T; definition->is_tolerant = X; definition->columns = sql_build_chain_first(C); }
    A = sql_build_statement(builder, SQL_STATEMENT_CREATE_TABLE, definition);
}
%type if_not_exists {int}
if_not_exists(A) ::= . { A = 0; }
if_not_exists(A) ::= IF NOT EXISTS. { A = 1; }
%type if_exists {int}
if_exists(A) ::= . { A = 0; }
if_exists(A) ::= IF EXISTS. { A = 1; }

%type table_columns {struct sql_chain *}
table_columns(A) ::= column(C). { A = sql_build_link(builder, NULL, C); }
table_columns(A) ::= table_columns(B) COMMA column(C). { A = sql_build_link(builder, B, C); }
%type column {struct sql_column *}
column(A) ::= NAME(N) type(T). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->name = sql_build_name(builder, N); A->position = N.position; A->type = T; }
}
column(A) ::= column(B) PRIMARY KEY. { A = B; if (A != NULL) { A->is_primary = true; } }
column(A) ::= column(B) UNIQUE. { A = B; if (A != NULL) { A->is_unique = true; } }
column(A) ::= column(B) NOT NULL. { A = B; if (A != NULL) { A->is_not_null = true; } }
column(A) ::= column(B) NULL. { A = B; }
column(A) ::= column(B) AUTO. { A = B; if (A != NULL) { A->is_auto = true; } }
column(A) ::= column(B) DEFAULT signed_literal(L). { A = B; if (A != NULL) { A->default_value = L; } }
column(A) ::= column(B) CHECK LP expression(E) RP. { A = B; if (A != NULL) { A->check = E; } }
column(A) ::= column(B) REFERENCES table(T) LP NAME(N) RP on_delete(D). {
    struct sql_reference *reference = sql_build_block(builder, sizeof *reference);
    A = B;
    if (A != NULL && reference != NULL) {
        *reference = (struct sql_reference){T, sql_build_name(builder, N), (uint8_t)D};
        A->reference = reference;
    }
}
%type on_delete {int}
on_delete(A) ::= . { A = SQL_ON_DELETE_DEFAULT; }
on_delete(A) ::= ON DELETE RESTRICT. { A = SQL_ON_DELETE_RESTRICT; }
on_delete(A) ::= ON DELETE CASCADE. { A = SQL_ON_DELETE_CASCADE; }
on_delete(A) ::= ON DELETE SET NULL. { A = SQL_ON_DELETE_SET_NULL; }

%type type {const struct sql_type *}
type(A) ::= NAME(N). { A = sql_build_type(builder, N, NULL, NULL); }
type(A) ::= NAME(N) LP INTEGER(P) RP. { A = sql_build_type(builder, N, &P, NULL); }
type(A) ::= NAME(N) LP INTEGER(P) COMMA INTEGER(S) RP. { A = sql_build_type(builder, N, &P, &S); }

statement(A) ::= DROP TABLE if_exists(X) table(T). {
    struct sql_definition *definition = sql_build_block(builder, sizeof *definition);
    if (definition != NULL) { definition->table = T; definition->is_tolerant = X; }
    A = sql_build_statement(builder, SQL_STATEMENT_DROP_TABLE, definition);
}
statement(A) ::= ALTER TABLE table(T) alteration(D). {
    if (D != NULL) { D->table = T; }
    A = sql_build_statement(builder, SQL_STATEMENT_ALTER_TABLE, D);
}
%type alteration {struct sql_definition *}
alteration(A) ::= ADD column_word column(C). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->alter = SQL_ALTER_ADD; A->columns = C; }
}
alteration(A) ::= DROP column_word NAME(N). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->alter = SQL_ALTER_DROP; A->name = sql_build_name(builder, N); }
}
alteration(A) ::= RENAME TO NAME(N). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->alter = SQL_ALTER_RENAME; A->name = sql_build_name(builder, N); }
}
alteration(A) ::= RENAME column_word NAME(N) TO NAME(M). {
    A = sql_build_block(builder, sizeof *A);
    if (A != NULL) { A->alter = SQL_ALTER_RENAME_COLUMN; A->name = sql_build_name(builder, N); A->new_name = sql_build_name(builder, M); }
}
column_word ::= .
column_word ::= COLUMN.

statement(A) ::= CREATE unique(U) INDEX if_not_exists(X) index_name(N) ON table(T) LP names(K) RP using(H). {
    struct sql_definition *definition = sql_build_block(builder, sizeof *definition);
    if (definition != NULL) {
        definition->table = T;
        definition->is_unique = U;
        definition->is_tolerant = X;
        definition->name = sql_build_name(builder, N);
        definition->keys = sql_build_chain_first(K);
        definition->using = (uint8_t)H;
    }
    A = sql_build_statement(builder, SQL_STATEMENT_CREATE_INDEX, definition);
}
statement(A) ::= DROP INDEX if_exists(X) index_name(N) ON table(T) columns(K). {
    struct sql_definition *definition = sql_build_block(builder, sizeof *definition);
    if (definition != NULL) {
        definition->table = T;
        definition->is_tolerant = X;
        definition->name = sql_build_name(builder, N);
        definition->keys = sql_build_chain_first(K);
        if (K == NULL && definition->name.len == 0) {
            sql_build_fail(builder, SQL_FAULT_SYNTAX, T->position, "DROP INDEX needs the index's name or its columns");
        }
    }
    A = sql_build_statement(builder, SQL_STATEMENT_DROP_INDEX, definition);
}
%type unique {int}
unique(A) ::= . { A = 0; }
unique(A) ::= UNIQUE. { A = 1; }
%type index_name {struct sql_token}
index_name(A) ::= . { A = (struct sql_token){0, 0}; }
index_name(A) ::= NAME(N). { A = N; }
%type using {int}
using(A) ::= . { A = SQL_USING_DEFAULT; }
using(A) ::= USING HASH. { A = SQL_USING_HASH; }
using(A) ::= USING BTREE. { A = SQL_USING_BTREE; }

/* --- expressions --- */

list(A) ::= expression(E). { A = sql_build_list(builder, E); }
list(A) ::= list(B) COMMA expression(E). { A = sql_build_append(builder, B, E); }

literal(A) ::= INTEGER(T). { A = sql_build_leaf(builder, SQL_INTEGER, T); }
literal(A) ::= NUMBER(T). { A = sql_build_leaf(builder, SQL_NUMBER, T); }
literal(A) ::= TEXT(T). { A = sql_build_leaf(builder, SQL_TEXT, T); }
literal(A) ::= BLOB(T). { A = sql_build_leaf(builder, SQL_BLOB, T); }
literal(A) ::= NULL(T). { A = sql_build_leaf(builder, SQL_NULL, T); }
literal(A) ::= TRUE(T). { A = sql_build_boolean(builder, T, true); }
literal(A) ::= FALSE(T). { A = sql_build_boolean(builder, T, false); }
literal(A) ::= NAME(N) TEXT(T). { A = sql_build_typed(builder, N, T); }
signed_literal(A) ::= literal(B). { A = B; }
signed_literal(A) ::= MINUS(O) INTEGER(T). { A = sql_build_negate(builder, O, sql_build_leaf(builder, SQL_INTEGER, T)); }
signed_literal(A) ::= MINUS(O) NUMBER(T). { A = sql_build_negate(builder, O, sql_build_leaf(builder, SQL_NUMBER, T)); }

parameter(A) ::= QUESTION(T). { A = sql_build_parameter(builder, T); }
parameter(A) ::= DOLLAR(T). { A = sql_build_parameter(builder, T); }

expression(A) ::= literal(B). { A = B; }
expression(A) ::= parameter(B). { A = B; }
expression(A) ::= NAME(N). { A = sql_build_column(builder, NULL, NULL, N); }
expression(A) ::= NAME(T) DOT NAME(N). { A = sql_build_column(builder, NULL, &T, N); }
expression(A) ::= NAME(S) DOT NAME(T) DOT NAME(N). { A = sql_build_column(builder, &S, &T, N); }
expression(A) ::= LP expression(B) RP. { A = B; }
expression(A) ::= LP(T) query(Q) RP. { A = sql_build_query_node(builder, SQL_QUERY, T, NULL, Q); }
expression(A) ::= EXISTS(T) LP query(Q) RP. { A = sql_build_query_node(builder, SQL_EXISTS, T, NULL, Q); }
expression(A) ::= CAST(T) LP expression(E) AS type(Y) RP. { A = sql_build_cast(builder, T, E, Y); }

expression(A) ::= NAME(N) LP RP. { A = sql_build_call(builder, N, NULL); }
expression(A) ::= NAME(N) LP STAR RP. { A = sql_build_call(builder, N, NULL); if (A != NULL) { A->is_star = true; } }
expression(A) ::= NAME(N) LP list(L) RP. { A = sql_build_call(builder, N, L); }
expression(A) ::= NAME(N) LP DISTINCT list(L) RP. { A = sql_build_call(builder, N, L); if (A != NULL) { A->is_distinct = true; } }
expression(A) ::= NAME(N) LP NAME(P) FROM expression(E) RP. { A = sql_build_extract(builder, N, P, E); }

expression(A) ::= CASE(T) whens(W) else(E) END. {
    A = sql_build_turn(builder, W, SQL_CASE, T);
    if (A != NULL && E != NULL) { A = sql_build_append(builder, A, E); if (A != NULL) { A->has_else = true; } }
}
expression(A) ::= CASE(T) expression(O) whens(W) else(E) END. {
    A = sql_build_prepend(builder, sql_build_turn(builder, W, SQL_CASE, T), O);
    if (A != NULL) { A->has_operand = true; }
    if (A != NULL && E != NULL) { A = sql_build_append(builder, A, E); if (A != NULL) { A->has_else = true; } }
}
whens(A) ::= WHEN expression(C) THEN expression(V). { A = sql_build_append(builder, sql_build_list(builder, C), V); }
whens(A) ::= whens(B) WHEN expression(C) THEN expression(V). { A = sql_build_append(builder, sql_build_append(builder, B, C), V); }
else(A) ::= . { A = NULL; }
else(A) ::= ELSE expression(E). { A = E; }

expression(A) ::= MINUS(T) expression(E). [UNARY] { A = sql_build_negate(builder, T, E); }
expression(A) ::= PLUS expression(E). [UNARY] { A = E; }
expression(A) ::= NOT(T) expression(E). { A = sql_build_unary(builder, SQL_NOT, T, E); }
expression(A) ::= expression(L) AND(T) expression(R). { A = sql_build_logical(builder, SQL_AND, T, L, R); }
expression(A) ::= expression(L) OR(T) expression(R). { A = sql_build_logical(builder, SQL_OR, T, L, R); }
expression(A) ::= expression(L) PLUS(T) expression(R). { A = sql_build_binary(builder, SQL_ADD, T, L, R); }
expression(A) ::= expression(L) MINUS(T) expression(R). { A = sql_build_binary(builder, SQL_SUBTRACT, T, L, R); }
expression(A) ::= expression(L) STAR(T) expression(R). { A = sql_build_binary(builder, SQL_MULTIPLY, T, L, R); }
expression(A) ::= expression(L) SLASH(T) expression(R). { A = sql_build_binary(builder, SQL_DIVIDE, T, L, R); }
expression(A) ::= expression(L) PERCENT(T) expression(R). { A = sql_build_binary(builder, SQL_REMAINDER, T, L, R); }
expression(A) ::= expression(L) CONCAT(T) expression(R). { A = sql_build_binary(builder, SQL_CONCAT, T, L, R); }
expression(A) ::= expression(L) ARROW(T) expression(R). { A = sql_build_binary(builder, SQL_JSON_GET, T, L, R); }
expression(A) ::= expression(L) LONG_ARROW(T) expression(R). { A = sql_build_binary(builder, SQL_JSON_TEXT, T, L, R); }
expression(A) ::= expression(L) EQ(T) expression(R). { A = sql_build_binary(builder, SQL_EQUAL, T, L, R); }
expression(A) ::= expression(L) NE(T) expression(R). { A = sql_build_binary(builder, SQL_NOT_EQUAL, T, L, R); }
expression(A) ::= expression(L) LT(T) expression(R). { A = sql_build_binary(builder, SQL_LESS, T, L, R); }
expression(A) ::= expression(L) LE(T) expression(R). { A = sql_build_binary(builder, SQL_LESS_EQUAL, T, L, R); }
expression(A) ::= expression(L) GT(T) expression(R). { A = sql_build_binary(builder, SQL_GREATER, T, L, R); }
expression(A) ::= expression(L) GE(T) expression(R). { A = sql_build_binary(builder, SQL_GREATER_EQUAL, T, L, R); }

expression(A) ::= expression(E) IS(T) NULL. { A = sql_build_unary(builder, SQL_IS_NULL, T, E); }
expression(A) ::= expression(E) IS(T) NOT NULL. { A = sql_build_negated(sql_build_unary(builder, SQL_IS_NULL, T, E), true); }

%type like {struct sql_token}
%type between {struct sql_token}
%type in {struct sql_token}
/* A word that begins with NOT is negated. */
like(A) ::= LIKE(T). { A = T; }
like(A) ::= NOT LIKE(T). { A = (struct sql_token){T.position, 0}; }
between(A) ::= BETWEEN(T). { A = T; }
between(A) ::= NOT BETWEEN(T). { A = (struct sql_token){T.position, 0}; }
in(A) ::= IN(T). { A = T; }
in(A) ::= NOT IN(T). { A = (struct sql_token){T.position, 0}; }

expression(A) ::= expression(L) like(T) expression(R). [LIKE] {
    A = sql_build_negated(sql_build_binary(builder, SQL_LIKE, T, L, R), T.len == 0);
}
expression(A) ::= expression(L) like(T) expression(R) ESCAPE expression(E). [LIKE] {
    A = sql_build_negated(sql_build_append(builder, sql_build_binary(builder, SQL_LIKE, T, L, R), E), T.len == 0);
}
expression(A) ::= expression(E) between(T) expression(L) AND expression(H). [BETWEEN] {
    A = sql_build_negated(sql_build_append(builder, sql_build_binary(builder, SQL_BETWEEN, T, E, L), H), T.len == 0);
}
expression(A) ::= expression(E) in(T) LP list(L) RP. [IN] {
    A = sql_build_negated(sql_build_prepend(builder, sql_build_turn(builder, L, SQL_IN_LIST, T), E), T.len == 0);
}
expression(A) ::= expression(E) in(T) LP query(Q) RP. [IN] {
    A = sql_build_negated(sql_build_query_node(builder, SQL_IN_QUERY, T, E, Q), T.len == 0);
}

%code {
_Static_assert(sizeof(yyParser) <= SQL_AUTOMATON_BYTES, "the parser fits into its block");

void sql_automaton_begin(struct sql_automaton *automaton, struct sql_builder *builder)
{
    sql_grammarInit(automaton->bytes, builder);
}

void sql_automaton_take(struct sql_automaton *automaton, int number, struct sql_token token)
{
    sql_grammar(automaton->bytes, number, token);
}

/* Goes through the reductions that the word would make, on a copy of the states alone. */
bool sql_automaton_would_take(const struct sql_automaton *automaton, int number)
{
    const yyParser *parser = (const yyParser *)(const void *)automaton->bytes;
    YYACTIONTYPE states[YYSTACKDEPTH + 1];
    int top = (int)(parser->yytos - parser->yystack);
    for (int i = 0; i <= top; i++) {
        states[i] = parser->yystack[i].stateno;
    }
    for (;;) {
        YYACTIONTYPE action = yy_find_shift_action((YYCODETYPE)number, states[top]);
        if (action < YY_MIN_REDUCE) {
            return action <= YY_MAX_SHIFTREDUCE || action == YY_ACCEPT_ACTION;
        }
        const unsigned rule = (unsigned)(action - YY_MIN_REDUCE);
        top += yyRuleInfoNRhs[rule];
        states[top + 1] = yy_find_reduce_action(states[top], (YYCODETYPE)yyRuleInfoLhs[rule]);
        if (states[++top] == YY_ACCEPT_ACTION) {
            return true;
        }
    }
}

bool sql_automaton_is_name(int number)
{
    return number < (int)(sizeof yyFallback / sizeof yyFallback[0]) && yyFallback[number] != 0;
}

const char *sql_automaton_word(int number)
{
    return yyTokenName[number];
}

int sql_automaton_words(void)
{
    return YYNTOKEN - 1;
}
}
