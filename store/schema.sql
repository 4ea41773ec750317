-- Written by `python -m store.migrations`.

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE blob (
	hash TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	replaced_by TEXT, 
	created_at BIGINT NOT NULL, 
	erased_at BIGINT, 
	CONSTRAINT pk_blob PRIMARY KEY (hash), 
	CONSTRAINT fk_blob_replaced_by FOREIGN KEY(replaced_by) REFERENCES blob (hash), 
	CONSTRAINT ck_blob_state CHECK (state IN ('present', 'erased'))
);

CREATE TABLE settings_revision (
	revision INTEGER NOT NULL, 
	hash TEXT NOT NULL, 
	body TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	applied_at BIGINT NOT NULL, 
	CONSTRAINT pk_settings_revision PRIMARY KEY (revision)
);

CREATE INDEX ix_settings_revision_hash ON settings_revision (hash);

CREATE TABLE spool_offset (
	name TEXT NOT NULL, 
	offset_bytes BIGINT NOT NULL, 
	taken_at BIGINT NOT NULL, 
	CONSTRAINT pk_spool_offset PRIMARY KEY (name)
);

CREATE TABLE host (
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	address TEXT NOT NULL, 
	settings_revision INTEGER NOT NULL, 
	added_at BIGINT NOT NULL, 
	removed_at BIGINT, 
	CONSTRAINT pk_host PRIMARY KEY (name), 
	CONSTRAINT fk_host_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision), 
	CONSTRAINT ck_host_kind CHECK (kind IN ('process', 'docker'))
);

CREATE UNIQUE INDEX uq_host_process ON host (kind) WHERE kind = 'process' AND removed_at IS NULL;

CREATE TABLE model (
	name TEXT NOT NULL, 
	task TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	description TEXT NOT NULL, 
	settings_revision INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	deleted_at BIGINT, 
	CONSTRAINT pk_model PRIMARY KEY (name), 
	CONSTRAINT fk_model_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision)
);

CREATE TABLE endpoint (
	name TEXT NOT NULL, 
	model TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	stopped_at BIGINT, 
	CONSTRAINT pk_endpoint PRIMARY KEY (name), 
	CONSTRAINT fk_endpoint_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT uq_endpoint_model UNIQUE (model)
);

CREATE TABLE experiment (
	name TEXT NOT NULL, 
	model TEXT, 
	created_at BIGINT NOT NULL, 
	deleted_at BIGINT, description TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_experiment PRIMARY KEY (name), 
	CONSTRAINT fk_experiment_model FOREIGN KEY(model) REFERENCES model (name)
);

CREATE TABLE job (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	model TEXT, 
	args TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	via TEXT, 
	settings_revision INTEGER, 
	dedupe_key TEXT, 
	attempt INTEGER NOT NULL, 
	pid INTEGER, 
	pid_started TEXT, 
	progress FLOAT, 
	progress_text TEXT NOT NULL, 
	exit_code INTEGER, 
	result TEXT NOT NULL, 
	requested_at BIGINT NOT NULL, 
	started_at BIGINT, 
	ended_at BIGINT, 
	cancel_requested_at BIGINT, priority INTEGER DEFAULT '0' NOT NULL, retries INTEGER DEFAULT '0' NOT NULL, backoff_s INTEGER, timeout_s INTEGER, memory_mb INTEGER, cpu_s INTEGER, not_before_at BIGINT, 
	CONSTRAINT pk_job PRIMARY KEY (id), 
	CONSTRAINT fk_job_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT fk_job_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision), 
	CONSTRAINT ck_job_state CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'abandoned'))
);

CREATE INDEX ix_job_model_id ON job (model, id);

CREATE INDEX ix_job_state_id ON job (state, id);

CREATE UNIQUE INDEX uq_job_dedupe_key ON job (dedupe_key) WHERE state IN ('queued', 'running');

CREATE TABLE outcome_batch (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	matched BIGINT NOT NULL, 
	revised BIGINT NOT NULL, 
	unknown BIGINT NOT NULL, 
	actor TEXT NOT NULL, 
	received_at BIGINT NOT NULL, 
	CONSTRAINT pk_outcome_batch PRIMARY KEY (id), 
	CONSTRAINT fk_outcome_batch_model FOREIGN KEY(model) REFERENCES model (name)
);

CREATE INDEX ix_outcome_batch_model_received_at ON outcome_batch (model, received_at);

CREATE TABLE snapshot (
	model TEXT NOT NULL, 
	id TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	columns TEXT NOT NULL, 
	time_column TEXT, 
	from_at BIGINT, 
	to_at BIGINT, 
	origin TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_snapshot PRIMARY KEY (model, id), 
	CONSTRAINT fk_snapshot_model FOREIGN KEY(model) REFERENCES model (name)
);

CREATE INDEX ix_snapshot_id ON snapshot (id);

CREATE INDEX ix_snapshot_model_created_at ON snapshot (model, created_at);

CREATE TABLE endpoint_address (
	endpoint TEXT NOT NULL, 
	host TEXT NOT NULL, 
	url TEXT NOT NULL, 
	set_at BIGINT NOT NULL, 
	CONSTRAINT pk_endpoint_address PRIMARY KEY (endpoint, host), 
	CONSTRAINT fk_endpoint_address_endpoint FOREIGN KEY(endpoint) REFERENCES endpoint (name), 
	CONSTRAINT fk_endpoint_address_host FOREIGN KEY(host) REFERENCES host (name)
);

CREATE TABLE monitor (
	name TEXT NOT NULL, 
	model TEXT NOT NULL, 
	every_s INTEGER NOT NULL, 
	window_s INTEGER NOT NULL, 
	"by" TEXT NOT NULL, 
	lateness_s INTEGER NOT NULL, 
	settings_revision INTEGER NOT NULL, 
	last_run_at BIGINT, 
	last_job_id TEXT, 
	removed_at BIGINT, 
	CONSTRAINT pk_monitor PRIMARY KEY (name), 
	CONSTRAINT fk_monitor_last_job_id FOREIGN KEY(last_job_id) REFERENCES job (id), 
	CONSTRAINT fk_monitor_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT fk_monitor_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision), 
	CONSTRAINT ck_monitor_by CHECK (by IN ('received', 'event'))
);

CREATE INDEX ix_monitor_model ON monitor (model);

CREATE TABLE schedule (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	"trigger" TEXT NOT NULL, 
	catch_up TEXT NOT NULL, 
	grace_s INTEGER NOT NULL, 
	settings_revision INTEGER NOT NULL, 
	paused_at BIGINT, 
	next_at BIGINT, 
	last_at BIGINT, 
	last_job_id TEXT, 
	removed_at BIGINT, jitter_s INTEGER DEFAULT '0' NOT NULL, overlap TEXT DEFAULT 'skip' NOT NULL, after_seq BIGINT, skipped INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_schedule PRIMARY KEY (id), 
	CONSTRAINT fk_schedule_last_job_id FOREIGN KEY(last_job_id) REFERENCES job (id), 
	CONSTRAINT fk_schedule_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT fk_schedule_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision), 
	CONSTRAINT ck_schedule_catch_up CHECK (catch_up IN ('skip', 'once', 'all'))
);

CREATE INDEX ix_schedule_model ON schedule (model);

CREATE TABLE image (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	base TEXT NOT NULL, 
	contract INTEGER NOT NULL, 
	platform TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	built_at BIGINT NOT NULL, record_hash TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_image PRIMARY KEY (id), 
	CONSTRAINT fk_image_model_version FOREIGN KEY(model, version) REFERENCES version (model, number), 
	CONSTRAINT uq_image_model_version_base_contract_platform_digest UNIQUE (model, version, base, contract, platform, digest)
);

CREATE TABLE release (
	id TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	model TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	from_version INTEGER, 
	to_version INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	basis TEXT NOT NULL, 
	"plan" TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	undo TEXT NOT NULL, 
	settings_revision INTEGER NOT NULL, 
	actor TEXT NOT NULL, 
	via TEXT, 
	job_id TEXT, 
	reverted_by TEXT, 
	requested_at BIGINT NOT NULL, 
	started_at BIGINT, 
	ended_at BIGINT, 
	CONSTRAINT pk_release PRIMARY KEY (id), 
	CONSTRAINT fk_release_endpoint FOREIGN KEY(endpoint) REFERENCES endpoint (name), 
	CONSTRAINT fk_release_job_id FOREIGN KEY(job_id) REFERENCES job (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_release_model_from_version FOREIGN KEY(model, from_version) REFERENCES version (model, number), 
	CONSTRAINT fk_release_model_to_version FOREIGN KEY(model, to_version) REFERENCES version (model, number), 
	CONSTRAINT fk_release_reverted_by FOREIGN KEY(reverted_by) REFERENCES release (id), 
	CONSTRAINT fk_release_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision), 
	CONSTRAINT ck_release_kind CHECK (kind IN ('promote', 'rollback', 'deploy')), 
	CONSTRAINT ck_release_state CHECK (state IN ('pending', 'running', 'held', 'completed', 'aborted', 'failed'))
);

CREATE INDEX ix_release_endpoint_id ON release (endpoint, id);

CREATE UNIQUE INDEX uq_release_active ON release (endpoint) WHERE state IN ('pending', 'running', 'held');

CREATE TABLE window (
	id TEXT NOT NULL, 
	monitor TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	from_at BIGINT NOT NULL, 
	to_at BIGINT NOT NULL, 
	revision INTEGER NOT NULL, 
	verdict TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	latency_p50_ms FLOAT, 
	latency_p99_ms FLOAT, 
	coverage FLOAT, 
	metrics TEXT NOT NULL, 
	features TEXT NOT NULL, 
	latest INTEGER NOT NULL, 
	computed_at BIGINT NOT NULL, notes TEXT DEFAULT '[]' NOT NULL, quality TEXT DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_window PRIMARY KEY (id), 
	CONSTRAINT fk_window_model_version FOREIGN KEY(model, version) REFERENCES version (model, number), 
	CONSTRAINT fk_window_monitor FOREIGN KEY(monitor) REFERENCES monitor (name), 
	CONSTRAINT uq_window_monitor_version_from_at_to_at_revision UNIQUE (monitor, version, from_at, to_at, revision), 
	CONSTRAINT ck_window_verdict CHECK (verdict IN ('ok', 'drift', 'degraded', 'no data'))
);

CREATE INDEX ix_window_model_to_at_version ON window (model, to_at, version);

CREATE TABLE deployment (
	id TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	host TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	image TEXT, 
	role TEXT NOT NULL, 
	desired TEXT NOT NULL, 
	weight INTEGER NOT NULL, 
	replicas INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	settings_revision INTEGER NOT NULL, 
	release_id TEXT, 
	created_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	CONSTRAINT pk_deployment PRIMARY KEY (id), 
	CONSTRAINT fk_deployment_endpoint FOREIGN KEY(endpoint) REFERENCES endpoint (name), 
	CONSTRAINT fk_deployment_host FOREIGN KEY(host) REFERENCES host (name), 
	CONSTRAINT fk_deployment_image FOREIGN KEY(image) REFERENCES image (id), 
	CONSTRAINT fk_deployment_model_version FOREIGN KEY(model, version) REFERENCES version (model, number), 
	CONSTRAINT fk_deployment_release_id FOREIGN KEY(release_id) REFERENCES release (id), 
	CONSTRAINT fk_deployment_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision), 
	CONSTRAINT ck_deployment_desired CHECK (desired IN ('serving', 'warm', 'stopped')), 
	CONSTRAINT ck_deployment_replicas CHECK (replicas > 0), 
	CONSTRAINT ck_deployment_role CHECK (role IN ('champion', 'challenger', 'warm')), 
	CONSTRAINT ck_deployment_weight CHECK (weight BETWEEN 0 AND 100)
);

CREATE INDEX ix_deployment_endpoint_ended_at ON deployment (endpoint, ended_at);

CREATE INDEX ix_deployment_host_ended_at ON deployment (host, ended_at);

CREATE TABLE route_generation (
	endpoint TEXT NOT NULL, 
	host TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	entries TEXT NOT NULL, 
	release_id TEXT, 
	desired_at BIGINT NOT NULL, 
	CONSTRAINT pk_route_generation PRIMARY KEY (endpoint, host, generation), 
	CONSTRAINT fk_route_generation_endpoint FOREIGN KEY(endpoint) REFERENCES endpoint (name), 
	CONSTRAINT fk_route_generation_host FOREIGN KEY(host) REFERENCES host (name), 
	CONSTRAINT fk_route_generation_release_id FOREIGN KEY(release_id) REFERENCES release (id)
);

CREATE TABLE route_history (
	endpoint TEXT NOT NULL, 
	host TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	deployment_id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	image TEXT, 
	weight INTEGER NOT NULL, 
	role TEXT NOT NULL, 
	release_id TEXT, 
	from_at BIGINT NOT NULL, 
	to_at BIGINT, 
	CONSTRAINT pk_route_history PRIMARY KEY (endpoint, host, generation, deployment_id), 
	CONSTRAINT fk_route_history_endpoint FOREIGN KEY(endpoint) REFERENCES endpoint (name), 
	CONSTRAINT fk_route_history_host FOREIGN KEY(host) REFERENCES host (name), 
	CONSTRAINT fk_route_history_release_id FOREIGN KEY(release_id) REFERENCES release (id)
);

CREATE INDEX ix_route_history_endpoint_from_at ON route_history (endpoint, from_at);

CREATE INDEX ix_route_history_open ON route_history (endpoint, host) WHERE to_at IS NULL;

CREATE TABLE step (
	release_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	title TEXT NOT NULL, 
	host TEXT, 
	args TEXT NOT NULL, 
	state TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	observed TEXT NOT NULL, 
	started_at BIGINT, 
	ended_at BIGINT, 
	CONSTRAINT pk_step PRIMARY KEY (release_id, number), 
	CONSTRAINT fk_step_host FOREIGN KEY(host) REFERENCES host (name), 
	CONSTRAINT fk_step_release_id FOREIGN KEY(release_id) REFERENCES release (id), 
	CONSTRAINT ck_step_state CHECK (state IN ('pending', 'running', 'done', 'skipped', 'held', 'failed'))
);

CREATE TABLE replica (
	id TEXT NOT NULL, 
	deployment_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	pid INTEGER, 
	pid_started TEXT, 
	port INTEGER, 
	detail TEXT NOT NULL, 
	proof TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	observed_at BIGINT NOT NULL, 
	CONSTRAINT pk_replica PRIMARY KEY (id), 
	CONSTRAINT fk_replica_deployment_id FOREIGN KEY(deployment_id) REFERENCES deployment (id), 
	CONSTRAINT ck_replica_state CHECK (state IN ('starting', 'ready', 'unready', 'draining', 'exited'))
);

CREATE INDEX ix_replica_deployment_id_number ON replica (deployment_id, number);

CREATE TABLE route (
	endpoint TEXT NOT NULL, 
	host TEXT NOT NULL, 
	desired_generation INTEGER NOT NULL, 
	applied_generation INTEGER NOT NULL, 
	applied_at BIGINT, 
	CONSTRAINT pk_route PRIMARY KEY (endpoint, host), 
	CONSTRAINT fk_route_endpoint FOREIGN KEY(endpoint) REFERENCES endpoint (name), 
	CONSTRAINT fk_route_endpoint_host_desired_generation FOREIGN KEY(endpoint, host, desired_generation) REFERENCES route_generation (endpoint, host, generation) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_route_host FOREIGN KEY(host) REFERENCES host (name), 
	CONSTRAINT ck_route_applied_generation CHECK (applied_generation <= desired_generation)
);

CREATE TRIGGER settings_revision_not_updated BEFORE UPDATE ON settings_revision
    BEGIN SELECT RAISE(ABORT, 'settings revisions are immutable: no update'); END;

CREATE TRIGGER settings_revision_not_deleted BEFORE DELETE ON settings_revision
    BEGIN SELECT RAISE(ABORT, 'settings revisions are immutable: no delete'); END;

CREATE TABLE version_tag (
	model TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_version_tag PRIMARY KEY (model, number, "key"), 
	CONSTRAINT fk_version_tag_model_number FOREIGN KEY(model, number) REFERENCES version (model, number)
)
 WITHOUT ROWID;

CREATE TABLE model_tag (
	model TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_model_tag PRIMARY KEY (model, "key"), 
	CONSTRAINT fk_model_tag_model FOREIGN KEY(model) REFERENCES model (name)
);

CREATE TABLE run_artifact (
	run_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	logged_at BIGINT NOT NULL, 
	CONSTRAINT pk_run_artifact PRIMARY KEY (run_id, path), 
	CONSTRAINT fk_run_artifact_run_id FOREIGN KEY(run_id) REFERENCES run (id)
);

CREATE INDEX ix_run_artifact_hash ON run_artifact (hash);

CREATE INDEX ix_version_tag_key_value_model_number ON version_tag ("key", value, model, number);

CREATE TABLE job_need (
	job_id TEXT NOT NULL, 
	needs_id TEXT NOT NULL, 
	CONSTRAINT pk_job_need PRIMARY KEY (job_id, needs_id), 
	CONSTRAINT fk_job_need_job_id FOREIGN KEY(job_id) REFERENCES job (id), 
	CONSTRAINT fk_job_need_needs_id FOREIGN KEY(needs_id) REFERENCES job (id)
);

CREATE INDEX ix_job_need_needs_id ON job_need (needs_id);

CREATE TABLE endpoint_key (
	model TEXT NOT NULL, 
	name TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	made_by TEXT NOT NULL, 
	made_at BIGINT NOT NULL, 
	revoked_by TEXT, 
	revoked_at BIGINT, 
	CONSTRAINT pk_endpoint_key PRIMARY KEY (model, name), 
	CONSTRAINT fk_endpoint_key_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT uq_endpoint_key_digest UNIQUE (digest)
);

CREATE TABLE run (
	number INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	experiment TEXT NOT NULL, 
	model TEXT, 
	parent_id TEXT, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	settings_revision INTEGER, 
	snapshot_id TEXT, 
	job_id TEXT, 
	actor TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	deleted_at BIGINT, 
	note TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_run PRIMARY KEY (number), 
	CONSTRAINT fk_run_experiment FOREIGN KEY(experiment) REFERENCES experiment (name), 
	CONSTRAINT fk_run_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT fk_run_parent_id FOREIGN KEY(parent_id) REFERENCES run (id), 
	CONSTRAINT fk_run_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision), 
	CONSTRAINT fk_run_model_snapshot_id FOREIGN KEY(model, snapshot_id) REFERENCES snapshot (model, id), 
	CONSTRAINT fk_run_job_id FOREIGN KEY(job_id) REFERENCES job (id), 
	CONSTRAINT uq_run_id UNIQUE (id), 
	CONSTRAINT ck_run_state CHECK (state IN ('running', 'finished', 'failed', 'abandoned', 'cancelled'))
);

CREATE TABLE run_metric (
	run_number BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	step BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	value FLOAT, 
	CONSTRAINT pk_run_metric PRIMARY KEY (run_number, "key", step), 
	CONSTRAINT fk_run_metric_run_number FOREIGN KEY(run_number) REFERENCES run (number)
)
 WITHOUT ROWID;

CREATE TABLE run_metric_latest (
	run_number BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	step BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	value FLOAT, 
	CONSTRAINT pk_run_metric_latest PRIMARY KEY (run_number, "key"), 
	CONSTRAINT fk_run_metric_latest_run_number FOREIGN KEY(run_number) REFERENCES run (number)
)
 WITHOUT ROWID;

CREATE TABLE run_param (
	run_number BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_run_param PRIMARY KEY (run_number, "key"), 
	CONSTRAINT fk_run_param_run_number FOREIGN KEY(run_number) REFERENCES run (number)
)
 WITHOUT ROWID;

CREATE TABLE run_tag (
	run_number BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_run_tag PRIMARY KEY (run_number, "key"), 
	CONSTRAINT fk_run_tag_run_number FOREIGN KEY(run_number) REFERENCES run (number)
)
 WITHOUT ROWID;

CREATE INDEX ix_run_parent_id_number ON run (parent_id, number) WHERE parent_id IS NOT NULL;

CREATE INDEX ix_run_model_parent_id_number ON run (model, parent_id, number);

CREATE INDEX ix_run_job_id ON run (job_id) WHERE job_id IS NOT NULL;

CREATE INDEX ix_run_experiment_number ON run (experiment, number);

CREATE INDEX ix_run_metric_latest_key_value_run_number ON run_metric_latest ("key", value, run_number);

CREATE INDEX ix_run_param_key_value_run_number ON run_param ("key", value, run_number);

CREATE INDEX ix_run_tag_key_value_run_number ON run_tag ("key", value, run_number);

CREATE TABLE event (
	seq INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	actor TEXT NOT NULL, 
	via TEXT, 
	action TEXT NOT NULL, 
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	model TEXT, 
	reason TEXT NOT NULL, 
	body TEXT NOT NULL, 
	previous_hash TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	CONSTRAINT pk_event PRIMARY KEY (seq)
);

CREATE TRIGGER event_not_updated BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'events are append-only: no update'); END;

CREATE TRIGGER event_not_deleted BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'events are append-only: no delete'); END;

CREATE TRIGGER event_next_only BEFORE INSERT ON event
    WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM event)
    BEGIN SELECT RAISE(ABORT, 'events are append-only: not the next one'); END;

CREATE TABLE alias (
	model TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version INTEGER, 
	generation INTEGER NOT NULL, 
	actor TEXT NOT NULL, 
	moved_at BIGINT NOT NULL, 
	CONSTRAINT pk_alias PRIMARY KEY (model, name), 
	CONSTRAINT fk_alias_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT fk_alias_model_version FOREIGN KEY(model, version) REFERENCES version (model, number)
)
 WITHOUT ROWID;

CREATE TABLE data_check (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	snapshot_id TEXT, 
	settings_revision BIGINT NOT NULL, 
	verdict TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	rejected BIGINT NOT NULL, 
	findings TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	checked_at BIGINT NOT NULL, 
	CONSTRAINT pk_data_check PRIMARY KEY (id), 
	CONSTRAINT fk_data_check_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT ck_data_check_verdict CHECK (verdict IN ('passed', 'warning', 'failed'))
);

CREATE INDEX ix_data_check_model_checked_at ON data_check (model, checked_at);

CREATE TABLE quarantine (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	blob_hash TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	rules TEXT NOT NULL, 
	state TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	settled_at BIGINT, 
	CONSTRAINT pk_quarantine PRIMARY KEY (id), 
	CONSTRAINT fk_quarantine_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT fk_quarantine_blob_hash FOREIGN KEY(blob_hash) REFERENCES blob (hash), 
	CONSTRAINT ck_quarantine_state CHECK (state IN ('open', 'replayed', 'superseded'))
);

CREATE INDEX ix_quarantine_model_state ON quarantine (model, state);

CREATE TABLE notification (
	id TEXT NOT NULL, 
	target TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	event TEXT NOT NULL, 
	event_seq BIGINT, 
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	model TEXT, 
	severity TEXT NOT NULL, 
	title TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	most_attempts INTEGER NOT NULL, 
	merged_into TEXT, 
	not_before_at BIGINT, 
	created_at BIGINT NOT NULL, 
	attempted_at BIGINT, 
	ended_at BIGINT, 
	status INTEGER, 
	response TEXT NOT NULL, 
	error TEXT NOT NULL, 
	CONSTRAINT pk_notification PRIMARY KEY (id), 
	CONSTRAINT uq_notification_target_event_seq UNIQUE (target, event_seq), 
	CONSTRAINT ck_notification_state CHECK (state IN ('pending', 'sending', 'delivered', 'merged', 'failed', 'cancelled')), 
	CONSTRAINT ck_notification_severity CHECK (severity IN ('info', 'warning', 'critical'))
);

CREATE INDEX ix_notification_live ON notification (target, event_seq) WHERE state IN ('pending', 'sending');

CREATE INDEX ix_notification_target_attempted_at ON notification (target, attempted_at);

CREATE INDEX ix_notification_merged_into ON notification (merged_into);

CREATE INDEX ix_notification_state_id ON notification (state, id);

CREATE TABLE notification_cursor (
	name TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	settings_revision BIGINT NOT NULL, 
	CONSTRAINT pk_notification_cursor PRIMARY KEY (name)
);

CREATE TABLE alert (
	id TEXT NOT NULL, 
	model TEXT, 
	kind TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	state TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	title TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	count INTEGER NOT NULL, 
	opened_at BIGINT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	acknowledged_by TEXT, 
	acknowledged_at BIGINT, 
	resolved_by TEXT, 
	resolved_at BIGINT, 
	rule TEXT NOT NULL, 
	host TEXT, 
	owner TEXT, 
	until_at BIGINT, 
	snoozed_by TEXT, 
	reopened BIGINT NOT NULL, 
	reopened_at BIGINT, 
	maintenance_id TEXT, 
	CONSTRAINT pk_alert PRIMARY KEY (id), 
	CONSTRAINT fk_alert_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT ck_alert_state CHECK (state IN ('open', 'acknowledged', 'snoozed', 'muted', 'resolved')), 
	CONSTRAINT ck_alert_severity CHECK (severity IN ('warning', 'critical'))
);

CREATE INDEX ix_alert_state_id ON alert (state, id);

CREATE INDEX ix_alert_key_id ON alert ("key", id);

CREATE UNIQUE INDEX uq_alert_open ON alert ("key") WHERE state IN ('open', 'acknowledged', 'snoozed', 'muted');

CREATE TABLE maintenance (
	id TEXT NOT NULL, 
	model TEXT, 
	from_at BIGINT NOT NULL, 
	to_at BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	ended_by TEXT, 
	CONSTRAINT pk_maintenance PRIMARY KEY (id), 
	CONSTRAINT fk_maintenance_model FOREIGN KEY(model) REFERENCES model (name)
);

CREATE INDEX ix_maintenance_to_at ON maintenance (to_at);

CREATE TABLE window_part (
	window_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	latency_p50_ms FLOAT, 
	latency_p99_ms FLOAT, 
	coverage FLOAT, 
	metrics TEXT NOT NULL, 
	answers TEXT NOT NULL, 
	ratio FLOAT, 
	is_worse INTEGER, 
	is_small INTEGER NOT NULL, 
	CONSTRAINT pk_window_part PRIMARY KEY (window_id, number), 
	CONSTRAINT fk_window_part_window_id FOREIGN KEY(window_id) REFERENCES window (id), 
	CONSTRAINT ck_window_part_kind CHECK (kind IN ('host', 'slice'))
);

CREATE TABLE approval (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	state TEXT NOT NULL, 
	asked INTEGER NOT NULL, 
	role TEXT NOT NULL, 
	users TEXT NOT NULL, 
	evidence_hash TEXT NOT NULL, 
	settings_hash TEXT NOT NULL, 
	champion_generation INTEGER NOT NULL, 
	requested_by TEXT NOT NULL, 
	requested_at BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	via TEXT, 
	due_at BIGINT, 
	release_id TEXT, 
	ended_at BIGINT, 
	detail TEXT NOT NULL, 
	card_hash TEXT, 
	CONSTRAINT pk_approval PRIMARY KEY (id), 
	CONSTRAINT fk_approval_model_version FOREIGN KEY(model, version) REFERENCES version (model, number), 
	CONSTRAINT fk_approval_release_id FOREIGN KEY(release_id) REFERENCES release (id), 
	CONSTRAINT ck_approval_kind CHECK (kind IN ('approval', 'second look')), 
	CONSTRAINT ck_approval_state CHECK (state IN ('open', 'granted', 'refused', 'withdrawn', 'lapsed', 'used'))
);

CREATE INDEX ix_approval_state_id ON approval (state, id);

CREATE INDEX ix_approval_model_version_id ON approval (model, version, id);

CREATE UNIQUE INDEX uq_approval_standing ON approval (model, version) WHERE kind = 'approval' AND state IN ('open', 'granted');

CREATE TABLE approval_answer (
	approval_id TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	via TEXT, 
	answered_at BIGINT NOT NULL, 
	CONSTRAINT pk_approval_answer PRIMARY KEY (approval_id, actor), 
	CONSTRAINT fk_approval_answer_approval_id FOREIGN KEY(approval_id) REFERENCES approval (id), 
	CONSTRAINT ck_approval_answer_answer CHECK (answer IN ('granted', 'refused', 'withdrawn'))
);

CREATE TABLE deck_key (
	public TEXT NOT NULL, 
	made_at BIGINT NOT NULL, 
	CONSTRAINT pk_deck_key PRIMARY KEY (public)
);

CREATE TABLE version_seal (
	model TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	statement TEXT NOT NULL, 
	signer TEXT NOT NULL, 
	signature TEXT NOT NULL, 
	sealed_at BIGINT NOT NULL, 
	CONSTRAINT pk_version_seal PRIMARY KEY (model, number), 
	CONSTRAINT fk_version_seal_model_number FOREIGN KEY(model, number) REFERENCES version (model, number), 
	CONSTRAINT fk_version_seal_signer FOREIGN KEY(signer) REFERENCES deck_key (public)
);

CREATE TABLE comment (
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	model TEXT, 
	reply_to TEXT, 
	depth INTEGER NOT NULL, 
	actor TEXT NOT NULL, 
	via TEXT, 
	mentions TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	written_at BIGINT NOT NULL, 
	edited_at BIGINT, 
	withdrawn_at BIGINT, 
	withdrawn_by TEXT, 
	CONSTRAINT pk_comment PRIMARY KEY (id), 
	CONSTRAINT fk_comment_reply_to FOREIGN KEY(reply_to) REFERENCES comment (id)
);

CREATE INDEX ix_comment_kind_subject_id ON comment (kind, subject, id);

CREATE TABLE comment_text (
	comment_id TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	written_at BIGINT NOT NULL, 
	CONSTRAINT pk_comment_text PRIMARY KEY (comment_id, revision), 
	CONSTRAINT fk_comment_text_comment_id FOREIGN KEY(comment_id) REFERENCES comment (id)
);

CREATE TABLE watch (
	actor TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	model TEXT, 
	since_at BIGINT NOT NULL, 
	CONSTRAINT pk_watch PRIMARY KEY (actor, kind, subject)
);

CREATE INDEX ix_watch_kind_subject ON watch (kind, subject);

CREATE TABLE duty (
	id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	given_by TEXT NOT NULL, 
	note TEXT NOT NULL, 
	taken_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	ended_by TEXT, 
	CONSTRAINT pk_duty PRIMARY KEY (id), 
	CONSTRAINT ck_duty_state CHECK (state IN ('standing', 'ended'))
);

CREATE INDEX ix_duty_actor_ended_at ON duty (actor, ended_at);

CREATE UNIQUE INDEX uq_duty_standing ON duty (state) WHERE state = 'standing';

CREATE TABLE incident (
	id TEXT NOT NULL, 
	title TEXT NOT NULL, 
	models TEXT NOT NULL, 
	from_at BIGINT NOT NULL, 
	opened_by TEXT NOT NULL, 
	opened_at BIGINT NOT NULL, 
	via TEXT, 
	closed_at BIGINT, 
	closed_by TEXT, 
	resolution TEXT NOT NULL, 
	CONSTRAINT pk_incident PRIMARY KEY (id)
);

CREATE INDEX ix_incident_closed_at_id ON incident (closed_at, id);

CREATE TABLE erasure (
	id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	sought TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	models TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	via TEXT, 
	job_id TEXT, 
	asked_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	lifted_at BIGINT, 
	lifted_by TEXT, 
	CONSTRAINT pk_erasure PRIMARY KEY (id), 
	CONSTRAINT fk_erasure_job_id FOREIGN KEY(job_id) REFERENCES job (id), 
	CONSTRAINT ck_erasure_state CHECK (state IN ('running', 'done'))
);

CREATE TABLE erasure_item (
	erasure_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	model TEXT NOT NULL, 
	name TEXT NOT NULL, 
	rows BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	replaced_by TEXT, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_erasure_item PRIMARY KEY (erasure_id, kind, model, name), 
	CONSTRAINT fk_erasure_item_erasure_id FOREIGN KEY(erasure_id) REFERENCES erasure (id), 
	CONSTRAINT ck_erasure_item_state CHECK (state IN ('found', 'erased'))
);

CREATE INDEX ix_erasure_item_name ON erasure_item (name);

CREATE TABLE erasure_decision (
	erasure_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	decision TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	job_id TEXT, 
	decided_at BIGINT NOT NULL, 
	CONSTRAINT pk_erasure_decision PRIMARY KEY (erasure_id, model), 
	CONSTRAINT fk_erasure_decision_erasure_id FOREIGN KEY(erasure_id) REFERENCES erasure (id), 
	CONSTRAINT fk_erasure_decision_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT fk_erasure_decision_job_id FOREIGN KEY(job_id) REFERENCES job (id), 
	CONSTRAINT ck_erasure_decision_decision CHECK (decision IN ('retrain', 'suppress', 'accept'))
);

CREATE TABLE behaviour_run (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	place TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	tests_hash TEXT NOT NULL, 
	code_hash TEXT NOT NULL, 
	results TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	job_id TEXT, 
	ran_at BIGINT NOT NULL, 
	CONSTRAINT pk_behaviour_run PRIMARY KEY (id), 
	CONSTRAINT fk_behaviour_run_model_version FOREIGN KEY(model, version) REFERENCES version (model, number), 
	CONSTRAINT ck_behaviour_run_place CHECK (place IN ('training', 'promotion', 'endpoint', 'asked')), 
	CONSTRAINT ck_behaviour_run_verdict CHECK (verdict IN ('passed', 'failed'))
);

CREATE INDEX ix_behaviour_run_model_version_id ON behaviour_run (model, version, id);

CREATE TABLE trusted_signer (
	public TEXT NOT NULL, 
	name TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	trusted_at BIGINT NOT NULL, 
	withdrawn_at BIGINT, 
	CONSTRAINT pk_trusted_signer PRIMARY KEY (public)
);

CREATE TABLE version_origin (
	model TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	deck TEXT NOT NULL, 
	deck_id TEXT NOT NULL, 
	origin_number INTEGER NOT NULL, 
	signer TEXT NOT NULL, 
	sealed_hash TEXT NOT NULL, 
	bundle_hash TEXT NOT NULL, 
	record_hash TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	imported_at BIGINT NOT NULL, 
	CONSTRAINT pk_version_origin PRIMARY KEY (model, number), 
	CONSTRAINT fk_version_origin_model_number FOREIGN KEY(model, number) REFERENCES version (model, number), 
	CONSTRAINT uq_version_origin_sealed_hash UNIQUE (sealed_hash)
);

CREATE TABLE version_detail (
	id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	snapshot_id TEXT NOT NULL, 
	settings_revision INTEGER NOT NULL, 
	bundle_hash TEXT NOT NULL, 
	environment_hash TEXT NOT NULL, 
	artifact_bytes BIGINT NOT NULL, 
	golden_hash TEXT NOT NULL, 
	git_commit TEXT, 
	git_dirty INTEGER, 
	signature TEXT NOT NULL, 
	decision TEXT NOT NULL, 
	evaluation TEXT NOT NULL, 
	CONSTRAINT pk_version_detail PRIMARY KEY (id), 
	CONSTRAINT fk_version_detail_model_snapshot_id FOREIGN KEY(model, snapshot_id) REFERENCES snapshot (model, id), 
	CONSTRAINT fk_version_detail_settings_revision FOREIGN KEY(settings_revision) REFERENCES settings_revision (revision)
);

CREATE TABLE version (
	model TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	artifact_hash TEXT NOT NULL, 
	estimator TEXT NOT NULL, 
	headline TEXT NOT NULL, 
	cutoff_at BIGINT, 
	derived_from INTEGER, 
	actor TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	abandoned_at BIGINT, 
	deleted_at BIGINT, 
	detail INTEGER NOT NULL, 
	tags TEXT NOT NULL, 
	description TEXT NOT NULL, 
	CONSTRAINT pk_version PRIMARY KEY (model, number), 
	CONSTRAINT fk_version_model FOREIGN KEY(model) REFERENCES model (name), 
	CONSTRAINT fk_version_run_id FOREIGN KEY(run_id) REFERENCES run (id), 
	CONSTRAINT fk_version_model_derived_from FOREIGN KEY(model, derived_from) REFERENCES version (model, number), 
	CONSTRAINT fk_version_detail FOREIGN KEY(detail) REFERENCES version_detail (id), 
	CONSTRAINT ck_version_number CHECK (number > 0)
)
 WITHOUT ROWID;

CREATE TABLE event_subject (
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	CONSTRAINT pk_event_subject PRIMARY KEY (subject_kind, subject_id, seq)
)
 WITHOUT ROWID;

CREATE TABLE event_model (
	model TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	CONSTRAINT pk_event_model PRIMARY KEY (model, seq)
)
 WITHOUT ROWID;

CREATE TRIGGER event_placed AFTER INSERT ON event
    WHEN NEW.seq % 100 = 0
    BEGIN
    INSERT INTO event_subject (subject_kind, subject_id, seq) SELECT subject_kind, subject_id, seq FROM event WHERE seq > NEW.seq - 100 ORDER BY 1, 2, 3;
    INSERT INTO event_model (model, seq) SELECT model, seq FROM event WHERE seq > NEW.seq - 100 AND model IS NOT NULL ORDER BY 1, 2;
    END;

CREATE VIEW event_by_subject AS
    SELECT p.subject_kind, p.subject_id, p.seq, at, actor, via, action, model, reason, body, previous_hash, hash
    FROM event_subject p CROSS JOIN event e ON e.seq = p.seq
    UNION ALL
    SELECT subject_kind, subject_id, seq, at, actor, via, action, model, reason, body, previous_hash, hash FROM event WHERE seq > (SELECT max(seq) / 100 * 100 FROM event);

CREATE VIEW event_by_model AS
    SELECT p.model, p.seq, at, actor, via, action, subject_kind, subject_id, reason, body, previous_hash, hash
    FROM event_model p CROSS JOIN event e ON e.seq = p.seq
    UNION ALL
    SELECT model, seq, at, actor, via, action, subject_kind, subject_id, reason, body, previous_hash, hash FROM event WHERE seq > (SELECT max(seq) / 100 * 100 FROM event);

INSERT INTO alembic_version (version_num) VALUES ('0019');

