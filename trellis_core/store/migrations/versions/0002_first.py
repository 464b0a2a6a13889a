"""The first schema: the practice's records, the ledger and its guards.

Revision ID: 0002
Revises:
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from trellis_core.store import dialects, guards

revision = "0002"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table and index, then the guards."""
    op.create_table('care_plan',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('established_on', sa.Date(), nullable=True),
    sa.Column('revised_on', sa.Date(), nullable=True),
    sa.Column('copy_given_on', sa.Date(), nullable=True),
    sa.Column('goals', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_care_plan'))
    )
    op.create_index(op.f('ix_care_plan_patient_id'), 'care_plan', ['patient_id'], unique=False)
    op.create_table('caseload_review',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('consultant', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('recommendation', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_caseload_review'))
    )
    op.create_index(op.f('ix_caseload_review_patient_id'), 'caseload_review', ['patient_id'], unique=False)
    op.create_table('condition',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('icd10', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('expected_months', sa.Integer(), nullable=True),
    sa.Column('is_short_term', sa.Boolean(), nullable=False),
    sa.Column('significant_risk', sa.Boolean(), nullable=True),
    sa.Column('behavioral', sa.Boolean(), nullable=True),
    sa.Column('snomed', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('text', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('onset_on', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_condition'))
    )
    op.create_index(op.f('ix_condition_patient_id'), 'condition', ['patient_id'], unique=False)
    op.create_table('consent',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('obtained_on', sa.Date(), nullable=True),
    sa.Column('method', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('documented', sa.Boolean(), nullable=True),
    sa.Column('billing_practitioner', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('obtained_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('elements', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('revoked_on', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_consent'))
    )
    op.create_index(op.f('ix_consent_patient_id'), 'consent', ['patient_id'], unique=False)
    op.create_table('decision_making',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('level', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_decision_making'))
    )
    op.create_index(op.f('ix_decision_making_patient_id'), 'decision_making', ['patient_id'], unique=False)
    op.create_table('discharge',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('discharged_on', sa.Date(), nullable=False),
    sa.Column('discharged_from', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('discharged_to', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('facility_name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('visit_on', sa.Date(), nullable=True),
    sa.Column('visit_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('visit_modality', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('video_declined', sa.Boolean(), nullable=True),
    sa.Column('mdm', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('medications_reconciled_on', sa.Date(), nullable=True),
    sa.Column('discharge_day_management_on', sa.Date(), nullable=True),
    sa.Column('discharge_day_management_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('global_period', sa.Boolean(), nullable=False),
    sa.Column('readmitted_on', sa.Date(), nullable=True),
    sa.Column('billed_on', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_discharge'))
    )
    op.create_index(op.f('ix_discharge_patient_id'), 'discharge', ['patient_id'], unique=False)
    op.create_table('discharge_contact',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('discharge_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_discharge_contact'))
    )
    op.create_index(op.f('ix_discharge_contact_discharge_id'), 'discharge_contact', ['discharge_id'], unique=False)
    op.create_table('enrollment',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('started_on', sa.Date(), nullable=False),
    sa.Column('ended_on', sa.Date(), nullable=True),
    sa.Column('billing_practitioner', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('supervising_practitioner', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('condition', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_enrollment'))
    )
    op.create_index(op.f('ix_enrollment_patient_id'), 'enrollment', ['patient_id'], unique=False)
    op.create_table('facility_stay',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('admitted_on', sa.Date(), nullable=False),
    sa.Column('discharged_on', sa.Date(), nullable=True),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_facility_stay'))
    )
    op.create_index(op.f('ix_facility_stay_patient_id'), 'facility_stay', ['patient_id'], unique=False)
    op.create_table('other_service',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('same_practice', sa.Boolean(), nullable=True),
    sa.Column('discharged_on', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_other_service'))
    )
    op.create_index(op.f('ix_other_service_patient_id'), 'other_service', ['patient_id'], unique=False)
    op.create_table('patient',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('mrn', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('family_name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('given_name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('birth_date', sa.Date(), nullable=True),
    sa.Column('sex', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('deceased_on', sa.Date(), nullable=True),
    sa.Column('qualified_medicare_beneficiary', sa.Boolean(), nullable=True),
    sa.Column('last_seen_on', sa.Date(), nullable=True),
    sa.Column('is_never_seen', sa.Boolean(), nullable=False),
    sa.Column('phone', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('best_time', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('language', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('caregiver', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('address_line', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('city', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('postal_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('payer_name', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('payer_kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('member_id', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('coverage_started_on', sa.Date(), nullable=True),
    sa.Column('coverage_ended_on', sa.Date(), nullable=True),
    sa.Column('risk_statement', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('shows', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('source_identifier', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('cocm_referred_on', sa.Date(), nullable=True),
    sa.Column('registry_entered_on', sa.Date(), nullable=True),
    sa.Column('cocm_ended_on', sa.Date(), nullable=True),
    sa.Column('cocm_ended_because', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('scale_not_applicable', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('created_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_patient'))
    )
    op.create_table('practice',
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('npi', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('tin', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('address_line', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('city', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('postal_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('phone', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('time_zone', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('locality', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('setting', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('qualifying_apm', sa.Boolean(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('date_of_service', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('place_of_service', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('tcm_hold_until_day_30', sa.Boolean(), nullable=False),
    sa.Column('around_the_clock_access', sa.Boolean(), nullable=True),
    sa.Column('certified_ehr', sa.Boolean(), nullable=True),
    sa.Column('apcm_capabilities', sa.Boolean(), nullable=True),
    sa.Column('performance_reporting', sa.Boolean(), nullable=True),
    sa.Column('is_sample', sa.Boolean(), nullable=False),
    sa.Column('policy', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('created_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_practice'))
    )
    op.create_table('rating_scale',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('instrument', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('score', sa.Integer(), nullable=True),
    sa.Column('answers', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('acted_on', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_rating_scale'))
    )
    op.create_index(op.f('ix_rating_scale_patient_id'), 'rating_scale', ['patient_id'], unique=False)
    op.create_table('running_timer',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('entry_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('started_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'staff_id', name=op.f('pk_running_timer'))
    )
    op.create_table('sign_in',
    sa.Column('token_sha256', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('created_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('last_seen_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('ended_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('token_sha256', name=op.f('pk_sign_in'))
    )
    op.create_table('staff',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('role', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('credential', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('npi', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('given_name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('family_name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('access', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.Column('sign_in_name', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('password_hash', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_staff')),
    sa.UniqueConstraint('sign_in_name', name=op.f('uq_staff_sign_in_name'))
    )
    op.create_table('store_identity',
    sa.Column('id', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_store_identity')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    op.create_table('track_election',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('ym', sa.Integer(), nullable=False),
    sa.Column('track', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('elected_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('elected_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'patient_id', 'program', 'ym', name=op.f('pk_track_election'))
    )
    op.create_table('visit',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('code', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('is_initiating', sa.Boolean(), nullable=False),
    sa.Column('program_discussed', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('care_planning_by_practitioner', sa.Boolean(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_visit'))
    )
    op.create_index(op.f('ix_visit_patient_id'), 'visit', ['patient_id'], unique=False)
    op.create_table('journal_head',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['practice_id'], ['practice.id'], name=op.f('fk_journal_head_practice_id')),
    sa.PrimaryKeyConstraint('practice_id', name=op.f('pk_journal_head')),
    sqlite_strict=True
    )
    op.create_table('ledger_head',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['practice_id'], ['practice.id'], name=op.f('fk_ledger_head_practice_id')),
    sa.PrimaryKeyConstraint('practice_id', name=op.f('pk_ledger_head')),
    sqlite_strict=True
    )
    op.create_table('checkpoint',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['practice_id'], ['journal_head.practice_id'], name=op.f('fk_checkpoint_practice_id')),
    sa.PrimaryKeyConstraint('practice_id', 'number', name=op.f('pk_checkpoint')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    op.create_table('entry',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('prev', sa.LargeBinary(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('entry_id', sa.Text(), sa.Computed(guards.BodyField('entry_id', of='entry'), persisted=True), nullable=False),
    sa.Column('kind', sa.Text(), sa.Computed(guards.BodyField('kind', of='entry'), persisted=True), nullable=False),
    sa.Column('program', sa.Text(), sa.Computed(guards.BodyField('program', of='entry'), persisted=True), nullable=False),
    sa.Column('patient_id', sa.Text(), sa.Computed(guards.BodyField('patient_id', of='entry'), persisted=True), nullable=False),
    sa.Column('staff_id', sa.Text(), sa.Computed(guards.BodyField('staff_id', of='entry'), persisted=True), nullable=True),
    sa.Column('author_id', sa.Text(), sa.Computed(guards.BodyField('author_id', of='entry'), persisted=True), nullable=True),
    sa.Column('started_at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('started_at', of='entry'), persisted=True), nullable=False),
    sa.Column('seconds', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('seconds', of='entry'), persisted=True), nullable=False),
    sa.Column('service_day', sa.Text(), sa.Computed(guards.BodyField('service_day', of='entry'), persisted=True), nullable=False),
    sa.Column('ym', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('ym', of='entry'), persisted=True), nullable=False),
    sa.Column('activity', sa.Text(), sa.Computed(guards.BodyField('activity', of='entry'), persisted=True), nullable=False),
    sa.Column('mode', sa.Text(), sa.Computed(guards.BodyField('mode', of='entry'), persisted=True), nullable=False),
    sa.Column('condition', sa.Text(), sa.Computed(guards.BodyField('condition', of='entry'), persisted=True), nullable=True),
    sa.Column('patients_sharing', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('patients_sharing', of='entry'), persisted=True), nullable=False),
    sa.Column('billed_elsewhere', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('billed_elsewhere', of='entry'), persisted=True), nullable=False),
    sa.Column('separate_from_visit', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('separate_from_visit', of='entry'), persisted=True), nullable=True),
    sa.Column('contact', sa.Text(), sa.Computed(guards.BodyField('contact', of='entry'), persisted=True), nullable=True),
    sa.Column('is_estimated', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('is_estimated', of='entry'), persisted=True), nullable=False),
    sa.Column('reverses', sa.Text(), sa.Computed(guards.BodyField('reverses', of='entry'), persisted=True), nullable=True),
    sa.Column('replaces', sa.Text(), sa.Computed(guards.BodyField('replaces', of='entry'), persisted=True), nullable=True),
    sa.Column('parent', sa.Text(), sa.Computed(guards.BodyField('parent', of='entry'), persisted=True), nullable=True),
    sa.Column('note_hmac', sa.Text(), sa.Computed(guards.BodyField('note_hmac', of='entry'), persisted=True), nullable=True),
    sa.Column('recorded_at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('recorded_at', of='entry'), persisted=True), nullable=False),
    sa.CheckConstraint("(kind = 'time' AND seconds BETWEEN 1 AND 86400 AND reverses IS NULL) OR (kind = 'reversal' AND seconds BETWEEN -86400 AND -1 AND reverses IS NOT NULL AND replaces IS NULL AND note_hmac IS NOT NULL)", name=op.f('ck_entry_kind_and_seconds')),
    sa.CheckConstraint('length(service_day) = 10 AND CAST(substr(service_day, 1, 4) || substr(service_day, 6, 2) AS INTEGER) = ym', name=op.f('ck_entry_month_of_day')),
    sa.CheckConstraint('patients_sharing >= 1', name=op.f('ck_entry_patients_sharing')),
    sa.ForeignKeyConstraint(['practice_id'], ['ledger_head.practice_id'], name=op.f('fk_entry_practice_id')),
    sa.PrimaryKeyConstraint('practice_id', 'seq', name=op.f('pk_entry')),
    sqlite_strict=True
    )
    op.create_index('ix_entry_month', 'entry', ['practice_id', 'ym', 'patient_id', 'program', 'seconds'], unique=False)
    op.create_index('ix_entry_staff', 'entry', ['practice_id', 'staff_id', 'started_at'], unique=False)
    op.create_index('uq_entry_entry_id', 'entry', ['practice_id', 'entry_id'], unique=True)
    op.create_index('uq_entry_reverses', 'entry', ['practice_id', 'reverses'], unique=True, sqlite_where=sa.text('reverses IS NOT NULL'), postgresql_where=sa.text('reverses IS NOT NULL'))
    op.create_table('event',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('prev', sa.LargeBinary(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('event_id', sa.Text(), sa.Computed(guards.BodyField('event_id', of='event'), persisted=True), nullable=False),
    sa.Column('kind', sa.Text(), sa.Computed(guards.BodyField('kind', of='event'), persisted=True), nullable=False),
    sa.Column('subject_kind', sa.Text(), sa.Computed(guards.BodyField('subject_kind', of='event'), persisted=True), nullable=False),
    sa.Column('subject_id', sa.Text(), sa.Computed(guards.BodyField('subject_id', of='event'), persisted=True), nullable=False),
    sa.Column('patient_id', sa.Text(), sa.Computed(guards.BodyField('patient_id', of='event'), persisted=True), nullable=True),
    sa.Column('author_id', sa.Text(), sa.Computed(guards.BodyField('author_id', of='event'), persisted=True), nullable=True),
    sa.Column('details', sa.Text(), sa.Computed(guards.BodyField('details', of='event'), persisted=True), nullable=True),
    sa.Column('text_hmac', sa.Text(), sa.Computed(guards.BodyField('text_hmac', of='event'), persisted=True), nullable=True),
    sa.Column('ledger_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('ledger_seq', of='event'), persisted=True), nullable=False),
    sa.Column('ledger_head', sa.Text(), sa.Computed(guards.BodyField('ledger_head', of='event'), persisted=True), nullable=False),
    sa.Column('recorded_at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), sa.Computed(guards.BodyField('recorded_at', of='event'), persisted=True), nullable=False),
    sa.ForeignKeyConstraint(['practice_id'], ['journal_head.practice_id'], name=op.f('fk_event_practice_id')),
    sa.PrimaryKeyConstraint('practice_id', 'seq', name=op.f('pk_event')),
    sqlite_strict=True
    )
    op.create_index('ix_event_patient', 'event', ['practice_id', 'patient_id', 'seq'], unique=False)
    op.create_index('ix_event_subject', 'event', ['practice_id', 'subject_kind', 'subject_id', 'seq'], unique=False)
    op.create_index('uq_event_event_id', 'event', ['practice_id', 'event_id'], unique=True)
    op.create_table('month_determination',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('ym', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('period', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('patient_id', sa.Text(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['practice_id'], ['journal_head.practice_id'], name=op.f('fk_month_determination_practice_id')),
    sa.PrimaryKeyConstraint('practice_id', 'ym', 'period', 'patient_id', name=op.f('pk_month_determination')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    op.create_table('month_roll',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('ym', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('patient_id', sa.Text(), nullable=False),
    sa.Column('program', sa.Text(), nullable=False),
    sa.Column('seconds', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('entries', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['practice_id'], ['ledger_head.practice_id'], name=op.f('fk_month_roll_practice_id')),
    sa.PrimaryKeyConstraint('practice_id', 'ym', 'patient_id', 'program', name=op.f('pk_month_roll')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    op.create_table('superbill',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('superbill_id', sa.Text(), nullable=False),
    sa.Column('version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('replaces', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('ym', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('period', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('patient_id', sa.Text(), nullable=False),
    sa.Column('changes_claim', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('issued_at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.CheckConstraint('(version = 1 AND replaces IS NULL) OR (version > 1 AND replaces IS NOT NULL)', name=op.f('ck_superbill_version')),
    sa.CheckConstraint('changes_claim IN (0, 1)', name=op.f('ck_superbill_changes_claim')),
    sa.ForeignKeyConstraint(['practice_id'], ['journal_head.practice_id'], name=op.f('fk_superbill_practice_id')),
    sa.PrimaryKeyConstraint('practice_id', 'number', name=op.f('pk_superbill')),
    sqlite_strict=True
    )
    op.create_index('ix_superbill_month', 'superbill', ['practice_id', 'ym', 'patient_id'], unique=False)
    op.create_index('uq_superbill_version', 'superbill', ['practice_id', 'superbill_id', 'version'], unique=True)
    op.create_table('entry_note',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('salt', sa.LargeBinary(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['practice_id', 'seq'], ['entry.practice_id', 'entry.seq'], name=op.f('fk_entry_note_practice_id_seq')),
    sa.PrimaryKeyConstraint('practice_id', 'seq', name=op.f('pk_entry_note')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    op.create_table('event_text',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('salt', sa.LargeBinary(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['practice_id', 'seq'], ['event.practice_id', 'event.seq'], name=op.f('fk_event_text_practice_id_seq')),
    sa.PrimaryKeyConstraint('practice_id', 'seq', name=op.f('pk_event_text')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    op.create_table('month_mark',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('ym', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('event_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ledger_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('recorded_at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['practice_id', 'event_seq'], ['event.practice_id', 'event.seq'], name=op.f('fk_month_mark_practice_id_event_seq')),
    sa.PrimaryKeyConstraint('practice_id', 'ym', 'number', name=op.f('pk_month_mark')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    op.create_table('superbill_line',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('line_id', sa.Text(), nullable=False),
    sa.Column('patient_id', sa.Text(), nullable=False),
    sa.Column('program', sa.Text(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('units', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('date_of_service', sa.Text(), nullable=False),
    sa.Column('ym', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('billing_practitioner', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['practice_id', 'number'], ['superbill.practice_id', 'superbill.number'], name=op.f('fk_superbill_line_practice_id_number')),
    sa.PrimaryKeyConstraint('practice_id', 'number', 'line_id', name=op.f('pk_superbill_line')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    op.create_index('ix_superbill_line_patient', 'superbill_line', ['practice_id', 'patient_id', 'ym'], unique=False)
    op.create_table('withheld_note',
    sa.Column('practice_id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('event_seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['practice_id', 'seq'], ['entry_note.practice_id', 'entry_note.seq'], name=op.f('fk_withheld_note_practice_id_seq')),
    sa.PrimaryKeyConstraint('practice_id', 'seq', name=op.f('pk_withheld_note')),
    sqlite_strict=True,
    sqlite_with_rowid=False
    )
    dialects.install_guards(op.get_bind())
