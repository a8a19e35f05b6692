-- The worker's view and comments. The function is declared in src/inference/worker/stats.rs.

CREATE VIEW clip_worker_stats AS
SELECT pid, started_at, restarts, requests, batches, mean_batch_size, queue_time, inference_time, memo_hits, memo_misses
FROM clip_worker_stats();

GRANT SELECT ON clip_worker_stats TO PUBLIC;

COMMENT ON FUNCTION clip_worker_stats() IS
'the background worker that runs models; use the view of the same name';

COMMENT ON VIEW clip_worker_stats IS
'the background worker that runs models for all sessions, and what it has done since the server was started; empty unless clip_pg is in shared_preload_libraries';
COMMENT ON COLUMN clip_worker_stats.pid IS 'its process; null while it is being started again';
COMMENT ON COLUMN clip_worker_stats.started_at IS 'when it was started';
COMMENT ON COLUMN clip_worker_stats.restarts IS 'times that it was started again after it had ended';
COMMENT ON COLUMN clip_worker_stats.requests IS 'texts and images that it has embedded, or tried to';
COMMENT ON COLUMN clip_worker_stats.batches IS 'runs of a model';
COMMENT ON COLUMN clip_worker_stats.mean_batch_size IS 'texts or images per run';
COMMENT ON COLUMN clip_worker_stats.queue_time IS 'milliseconds that requests have waited for their run, summed up';
COMMENT ON COLUMN clip_worker_stats.inference_time IS 'milliseconds that runs have taken, loading of models included';
COMMENT ON COLUMN clip_worker_stats.memo_hits IS 'texts whose embedding was remembered from another call';
COMMENT ON COLUMN clip_worker_stats.memo_misses IS 'texts whose embedding was not remembered';
