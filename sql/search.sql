-- Comments of the functions about the results of a search, which are declared in src/search/mod.rs.

COMMENT ON FUNCTION clip_standout(clip_vector, clip_vector[], double precision, clip_vector[], text) IS
'how clearly the images nearest to a query, among so many, answer it: 1 for as much as by chance';
COMMENT ON FUNCTION clip_cutoff(clip_vector, clip_vector[], double precision, double precision, double precision, clip_vector[], text) IS
'cosine distance from a query as far as which images are answers to it, given those nearest among so many; null where none is';
COMMENT ON FUNCTION clip_dots(double precision, double precision, double precision, integer) IS
'cosine similarity as a number of dots, from none at low to all at high';
