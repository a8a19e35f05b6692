//! `amvalidate`: whether an operator class is one that scans and builds can rely on.

use pgrx::{PgLogLevel, PgSqlErrorCode, pg_guard, pg_sys, pg_sys::panic::ErrorReport};

use super::raise;
use crate::message;
use crate::role::As;
use crate::sql;
use crate::text::Text;

/// What is wrong with an operator class, a line each. A class with a function of number 2 is one of filter columns, whose
/// family may compare several types.
const MISTAKES: &str = "
WITH class AS (
    SELECT c.opcfamily, c.opcintype, f.filters, CASE WHEN f.filters THEN 3 ELSE 1 END AS strategy,
           CASE WHEN f.filters THEN 2 ELSE 1 END AS number
    FROM pg_catalog.pg_opclass c, LATERAL (
        SELECT EXISTS (SELECT FROM pg_catalog.pg_amproc p
                       WHERE p.amprocfamily OPERATOR(pg_catalog.=) c.opcfamily
                         AND p.amproclefttype OPERATOR(pg_catalog.=) c.opcintype
                         AND p.amprocnum OPERATOR(pg_catalog.=) 2) AS filters) f
    WHERE c.oid OPERATOR(pg_catalog.=) $1
)
SELECT pg_catalog.format('operator %s is not that of strategy %s', o.amopopr::pg_catalog.regoperator, o.amopstrategy)
FROM class c, pg_catalog.pg_amop o, pg_catalog.pg_operator f
WHERE o.amopfamily OPERATOR(pg_catalog.=) c.opcfamily AND f.oid OPERATOR(pg_catalog.=) o.amopopr
  AND NOT CASE
      WHEN c.filters THEN o.amoppurpose OPERATOR(pg_catalog.=) 's'
          AND o.amopstrategy OPERATOR(pg_catalog.<=) 8
          AND f.oprresult OPERATOR(pg_catalog.=) 'pg_catalog.bool'::pg_catalog.regtype
      WHEN o.amopstrategy OPERATOR(pg_catalog.=) 1 THEN o.amoppurpose OPERATOR(pg_catalog.=) 'o'
          AND o.amoplefttype OPERATOR(pg_catalog.=) c.opcintype AND o.amoprighttype OPERATOR(pg_catalog.=) c.opcintype
          AND f.oprresult OPERATOR(pg_catalog.=) 'pg_catalog.float8'::pg_catalog.regtype
      WHEN o.amopstrategy OPERATOR(pg_catalog.=) 2 THEN o.amoppurpose OPERATOR(pg_catalog.=) 's'
          AND o.amoplefttype OPERATOR(pg_catalog.=) c.opcintype
          AND o.amoprighttype OPERATOR(pg_catalog.=) 'clip_pg.ball'::pg_catalog.regtype
          AND f.oprresult OPERATOR(pg_catalog.=) 'pg_catalog.bool'::pg_catalog.regtype
      ELSE false END
UNION ALL
SELECT pg_catalog.format('function %s is not that of number %s', p.amproc, p.amprocnum)
FROM class c, pg_catalog.pg_amproc p, pg_catalog.pg_proc f
WHERE p.amprocfamily OPERATOR(pg_catalog.=) c.opcfamily AND f.oid OPERATOR(pg_catalog.=) p.amproc
  AND NOT ((p.amprocnum OPERATOR(pg_catalog.=) c.number OR (p.amprocnum OPERATOR(pg_catalog.=) 3 AND NOT c.filters))
           AND f.pronargs OPERATOR(pg_catalog.=) 0
           AND f.prorettype OPERATOR(pg_catalog.=) 'pg_catalog.int4'::pg_catalog.regtype)
UNION ALL
SELECT pg_catalog.format('no operator of strategy %s', c.strategy)
FROM class c
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_amop o
                  WHERE o.amopfamily OPERATOR(pg_catalog.=) c.opcfamily
                    AND o.amoplefttype OPERATOR(pg_catalog.=) c.opcintype
                    AND o.amopstrategy OPERATOR(pg_catalog.=) c.strategy)
UNION ALL
SELECT pg_catalog.format('no function of number %s', c.number)
FROM class c
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_amproc p
                  WHERE p.amprocfamily OPERATOR(pg_catalog.=) c.opcfamily AND p.amprocnum OPERATOR(pg_catalog.=) c.number)";

/// Tells every mistake, as access methods of the server's own do, and whether there is none.
#[pg_guard]
pub unsafe extern "C-unwind" fn validate(class: pg_sys::Oid) -> bool {
    let mistakes = sql::connect(|client| {
        let _caller = As::caller();
        client
            .select(MISTAKES, None, &[class.into()])?
            .map(|row| row.get::<Text>(1))
            .collect::<sql::Result<Vec<_>>>()
    });
    let mistakes = mistakes.unwrap_or_else(|error| raise(error.into()));
    for mistake in mistakes.iter().flatten() {
        let message = format!(
            "operator class of access method clip_hnsw: {}",
            mistake.as_str()
        );
        let code = PgSqlErrorCode::ERRCODE_INVALID_OBJECT_DEFINITION;
        message::tell(PgLogLevel::INFO, code, &ErrorReport::new(code, message, ""));
    }
    mistakes.is_empty()
}
