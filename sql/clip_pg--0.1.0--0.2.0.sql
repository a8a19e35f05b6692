-- From clip_pg 0.1.0 to 0.2.0: afterwards the extension is what sql/clip_pg--0.2.0.sql makes. tests/recovery/t/045_update.pl
-- compares the two, and CONTRIBUTING.md tells how a change gets in here.

\echo Use "ALTER EXTENSION clip_pg UPDATE TO '0.2.0'" to load this file. \quit
