-- What the background worker has done, whether or not there is one.
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'clip_worker_stats' ORDER BY ordinal_position;
CREATE ROLE clip_pg_regress_reader;
SET ROLE clip_pg_regress_reader;
SELECT count(*) IN (0, 1) AS at_most_one, bool_and(restarts >= 0 AND queue_time >= 0) IS NOT FALSE AS plausible
FROM clip_worker_stats;
RESET ROLE;
DROP ROLE clip_pg_regress_reader;
