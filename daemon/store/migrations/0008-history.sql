-- History that is too old is removed: whether an archive still names a job must be cheap to ask.
create index archive_removed_by on archive (removed_by) where removed_by is not null;
