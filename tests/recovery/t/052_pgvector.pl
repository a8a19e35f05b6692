# clip_hnsw on columns of pgvector, by the extension clip_pgvector: the rows, and the order, of pgvector's own operators; casts;
# dumps; and what is left when an extension goes.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_parallel_maintenance_workers = 2");
$node->start;
sub query { return $node->safe_psql($_[1] // 'postgres', $_[0]) }
plan skip_all => 'there is no pgvector with halfvec, 0.7 or later'
  if query("SELECT coalesce(max(string_to_array(default_version, '.')::integer[]) >= '{0,7}', false) FROM pg_available_extensions WHERE name = 'vector'") ne 't';

my (undef, undef, $err) = $node->psql('postgres', 'CREATE EXTENSION clip_pgvector');
like($err, qr/required extension "clip_pg" is not installed\nHINT:  Use CREATE EXTENSION \.\.\. CASCADE/, 'it takes the other two');

# pgvector first, so that clip_pg makes casts, by text where the type is vector. A view goes by one of them.
query(<<'SQL');
CREATE EXTENSION vector;
CREATE EXTENSION clip_pg;
CREATE VIEW cast_by_text AS SELECT '[1,2]'::vector::clip_vector AS c;
CREATE EXTENSION clip_pgvector;
SQL
is(query("SELECT string_agg(format('%s %s %s', castsource::regtype, casttarget::regtype, castmethod), ', ' ORDER BY castsource::regtype::text, casttarget::regtype::text) FROM pg_cast WHERE 'clip_vector'::regtype IN (castsource, casttarget) AND ARRAY[castsource, casttarget] && ARRAY['vector', 'halfvec']::regtype[]::oid[] AND castcontext = 'a' AND EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid WHERE d.objid = pg_cast.oid AND d.deptype = 'e' AND e.extname = 'clip_pgvector')"),
	'clip_vector halfvec b, clip_vector vector f, halfvec clip_vector b, vector clip_vector f', 'casts are its own, also where there were some');
is(query("SELECT '[1,0.1]'::halfvec::clip_vector, '[1,0.1]'::vector::clip_vector, '[1,0.1]'::clip_vector::halfvec, '[1,0.1]'::clip_vector::vector, '[1,0.1]'::clip_vector::vector = '[1,0.1]'::halfvec::vector"),
	'[1,0.1]|[1,0.1]|[1,0.099975586]|[1,0.099975586]|t', 'casts');
(undef, undef, $err) = $node->psql('postgres', "SELECT '[1,2]'::clip_vector::vector(3)");
like($err, qr/expected 3 dimensions, not 2/, 'a cast to another dimension');

query(<<'SQL');
CREATE FUNCTION numbers(n integer, scale real) RETURNS real[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array(SELECT scale * (sin((n % 97) * i * 1.7 + i) + 0.5 * sin(n * i * 0.613 + i * i) + 0.3) FROM generate_series(1, 32) i)::real[] $$;
CREATE TABLE items (id integer PRIMARY KEY, h halfvec(32), v vector(32), small vector(32), large vector(32));
INSERT INTO items SELECT n, numbers(n, 1)::halfvec, numbers(n, 1)::vector, numbers(n, 1e-7)::vector, numbers(n, 1e6)::vector FROM generate_series(1, 2000) n;
INSERT INTO items (id) VALUES (4001);
INSERT INTO items VALUES (4002, array_fill(0, '{32}')::halfvec, array_fill(0, '{32}')::vector, array_fill(0, '{32}')::vector, array_fill(0, '{32}')::vector);
SQL
is(query("SELECT string_agg(opcname, ' ' ORDER BY opcname) FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'clip_hnsw') AND opcname ~ '^(half)?vec' AND amvalidate(oid)"),
	'halfvec_cosine_ops halfvec_ip_ops halfvec_l2_ops vector_cosine_ops vector_ip_ops vector_l2_ops', 'operator classes are valid');

my $by_index = "SET enable_seqscan = off; SET enable_sort = off;";
my $by_table = "SET enable_indexscan = off;";
for my $case (
	[ 'h', 'halfvec', 'halfvec_cosine_ops', '<=>', 1 ], [ 'h', 'halfvec', 'halfvec_ip_ops', '<#>', 1 ], [ 'h', 'halfvec', 'halfvec_l2_ops', '<->', 1 ],
	[ 'v', 'vector', 'vector_cosine_ops', '<=>', 1 ], [ 'v', 'vector', 'vector_ip_ops', '<#>', 1 ], [ 'v', 'vector', 'vector_l2_ops', '<->', 1 ],
	[ 'small', 'vector', 'vector_cosine_ops', '<=>', '1e-7' ], [ 'large', 'vector', 'vector_cosine_ops', '<=>', '1e6' ])
{
	my ($column, $type, $class, $operator, $scale) = @$case;
	my $name = "$column by $class";
	query("CREATE INDEX tried ON items USING clip_hnsw ($column $class)");
	# Exact, so that only the order by bounds can be wrong: an executor that meets a wrong one raises an error.
	my $queries = join '', map { "SELECT id FROM items ORDER BY $column $operator numbers($_ * 371, $scale)::$type LIMIT 15;" } 1 .. 6;
	my $exact = query("$by_table $queries");
	is(query("$by_index SET clip_pg.exact_search = on; $queries"), $exact, "the rows of a sequential scan in its order: $name");
	is(scalar(split /\n/, query("$by_index $queries")), 90, "and as many from the graph: $name");
	like(query("$by_index EXPLAIN SELECT id FROM items ORDER BY $column $operator numbers(1, $scale)::$type LIMIT 15"), qr/Index Scan using tried/, "by the index: $name");
	query("INSERT INTO items (id, $column) SELECT n, numbers(n, $scale)::$type FROM generate_series(5001, 5050) n");
	my $later = "SELECT id FROM items ORDER BY $column $operator numbers(5030, $scale)::$type LIMIT 1";
	is(query("$by_index $later"), query("$by_table $later"), "a row that came later: $name");
	is(query("SELECT cardinality(problems), missing, not_found FROM clip_index_check('tried', heap => true, search => 0.1)"), '0|0|0', "a sound index: $name");
	cmp_ok(query("SELECT clip_recall('tried', sample => 30)"), '>=', 0.95, "recall: $name");
	if ($type eq 'vector')
	{
		# What halves, or single precision, cannot tell is looked for all the same, in the order of the operator.
		for my $size (1e-30, 1e-9, 1e6, 1e20)
		{
			my $distances = "SELECT round((d * 1e4 / nullif(max(abs(d)) OVER (), 0))::numeric) FROM (SELECT nullif($column $operator numbers(7, $size)::$type, 'NaN') AS d FROM items WHERE id < 4000 ORDER BY $column $operator numbers(7, $size)::$type LIMIT 5) s";
			my ($status, $found, $error) = $node->psql('postgres', "$by_index $distances");
			is("$status $found", '0 ' . query("$by_table $distances"), "a query of size $size: $name") or diag $error;
		}
	}
	query('DELETE FROM items WHERE id > 5000; DROP INDEX tried');
}

for my $case (
	[ 'vector_l2_ops', 'array_fill(70000, \'{32}\')', qr/ERROR:  22003: "70000" is out of range for index "tried"\nDETAIL:  Element 1 is not between.*\nHINT:  An index of cosine/ ],
	[ 'vector_cosine_ops', 'numbers(1, 1e-20)', qr/ERROR:  22003: norm 4\.868\d+e-20 of a vector is out of range for index "tried"\nDETAIL:  Cosine.*\nHINT:  Scale/ ])
{
	my ($class, $numbers, $message) = @$case;
	query("CREATE INDEX tried ON items USING clip_hnsw (v $class)");
	(undef, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nINSERT INTO items (id, v) VALUES (6000, $numbers\::vector)");
	like($err, $message, "a row that $class does not take");
	query("DROP INDEX tried; INSERT INTO items (id, v) VALUES (6000, $numbers\::vector)");
	(undef, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nCREATE INDEX tried ON items USING clip_hnsw (v $class)");
	like($err, $message, "a table that $class does not take");
	query('DELETE FROM items WHERE id = 6000');
}
(undef, undef, $err) = $node->psql('postgres', "CREATE TABLE free (v vector); CREATE INDEX ON free USING clip_hnsw (v)");
like($err, qr/column does not have dimensions\nHINT:.* as in vector\(512\)/, 'a column without dimensions');
is(query("ANALYZE items; SELECT parts, index_bytes > 0 FROM clip_build_estimate('items', 'v')"), '1|t', 'what a build takes');

query("CREATE INDEX part ON items USING clip_hnsw ((v::halfvec(32)) halfvec_cosine_ops, id)");
like(query("$by_index EXPLAIN SELECT id FROM items WHERE id < 100 ORDER BY v::halfvec(32) <=> numbers(1, 1)::halfvec(32) LIMIT 3"),
	qr/Index Scan using part on items.*Index Cond: \(id < 100\).*Order By: \(\(v\)::halfvec\(32\) <=> /s, 'an expression, with a filter column');
is(query("SELECT clip_recall('part', queries => 'items')"), '1', 'queries of another type');

# Without a rewrite where the dimensions are left open.
query("CREATE TABLE moved AS SELECT id, h AS e FROM items");
my $file = query("SELECT pg_relation_filenode('moved')");
query("ALTER TABLE moved ALTER e TYPE clip_vector");
is(query("SELECT pg_relation_filenode('moved')"), $file, 'a halfvec becomes a clip_vector where it is');
query("ALTER TABLE moved ALTER e TYPE clip_vector(32); ALTER TABLE moved ALTER e TYPE halfvec(32)");
is(query("SELECT count(*) FROM moved m JOIN items i USING (id) WHERE m.e IS DISTINCT FROM i.h"), '0', 'and back');

query("CREATE INDEX vi ON items USING clip_hnsw (v vector_ip_ops); CREATE DATABASE copy");
my $dump = $node->backup_dir . '.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'a dump');
$node->command_ok([ 'psql', '-qXAto', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ], 'and its restore');
my $shown = "SELECT id FROM items ORDER BY v <#> numbers(5, 1)::vector LIMIT 3; SELECT c FROM cast_by_text; SELECT count(*) FROM pg_cast WHERE 'clip_vector'::regtype IN (castsource, casttarget)";
is(query("$by_index $shown", 'copy'), query("$by_index $shown"), 'are the same');

query("DROP EXTENSION clip_pgvector CASCADE");
is(query("SELECT count(*) FROM pg_class WHERE relname IN ('vi', 'part')"), '0', 'indexes go with clip_pgvector');
is(query("SELECT count(*) FROM items"), '2002', 'and nothing else');
query("DROP EXTENSION vector CASCADE", 'copy');
is(query("SELECT string_agg(extname::text, ' ' ORDER BY extname) FROM pg_extension", 'copy'), 'clip_pg plpgsql', 'clip_pgvector goes with vector');
$node->stop;
done_testing();
