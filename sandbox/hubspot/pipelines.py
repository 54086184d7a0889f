"""Pipelines and their stages. Stage ids are the portal's own: nobody else has the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.hubspot.errors import bad_request, not_found, require
from sandbox.hubspot.wire import EPOCH


@dataclass(slots=True)
class Stage:
    id: str
    label: str
    display_order: int
    metadata: dict[str, str]
    created_at: str = EPOCH
    updated_at: str = EPOCH

    def wire(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "displayOrder": self.display_order,
            "metadata": self.metadata,
            "id": self.id,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "archived": False,
        }


@dataclass(slots=True)
class Pipeline:
    id: str
    label: str
    display_order: int
    stages: list[Stage] = field(default_factory=list)
    created_at: str = EPOCH
    updated_at: str = EPOCH

    def wire(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "displayOrder": self.display_order,
            "id": self.id,
            "stages": [stage.wire() for stage in sorted(self.stages, key=lambda s: s.display_order)],
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "archived": False,
        }

    def stage(self, stage_id: str) -> Stage:
        for stage in self.stages:
            if stage.id == stage_id:
                return stage
        raise not_found(f"Stage {stage_id} was not found in pipeline {self.id}", stageId=[stage_id])


def _stage(stage_id: str, label: str, order: int, probability: str) -> Stage:
    closed = "true" if probability in ("1.0", "0.0") else "false"
    return Stage(stage_id, label, order, {"isClosed": closed, "probability": probability})


PARTNER = Pipeline(
    "partner",
    "パートナー紹介",
    1,
    [
        _stage("1001", "掲載", 0, "0.05"),
        _stage("1002", "打診依頼", 1, "0.1"),
        _stage("1003", "合意", 2, "0.2"),
        _stage("1004", "実施", 3, "0.4"),
        _stage("1005", "商談", 4, "0.6"),
        _stage("1006", "受注", 5, "1.0"),
        _stage("1007", "見送り", 6, "0.0"),
    ],
    "2024-04-01T01:30:00.512Z",
    "2024-04-01T01:30:00.512Z",
)
SALES = Pipeline(
    "default",
    "Sales Pipeline",
    0,
    [
        _stage("appointmentscheduled", "Appointment Scheduled", 0, "0.2"),
        _stage("qualifiedtobuy", "Qualified To Buy", 1, "0.4"),
        _stage("closedwon", "Closed Won", 2, "1.0"),
        _stage("closedlost", "Closed Lost", 3, "0.0"),
    ],
)


class Pipelines:
    """The pipelines by object name. Only deals have any at the start."""

    def __init__(self) -> None:
        self._by_object: dict[str, dict[str, Pipeline]] = {"deals": {p.id: _copy(p) for p in (SALES, PARTNER)}}
        self._serial = 1_100_000

    def of(self, object_name: str) -> dict[str, Pipeline]:
        return self._by_object.setdefault(object_name, {})

    def get(self, object_name: str, pipeline_id: str) -> Pipeline:
        found = self.of(object_name).get(pipeline_id)
        if found is None:
            raise not_found(f"Pipeline {pipeline_id} was not found", pipelineId=[pipeline_id])
        return found

    def stage(self, object_name: str, stage_id: str) -> Stage | None:
        for pipeline in self.of(object_name).values():
            for stage in pipeline.stages:
                if stage.id == stage_id:
                    return stage
        return None

    def stage_ids(self, object_name: str, pipeline_id: str) -> set[str]:
        pipeline = self.of(object_name).get(pipeline_id)
        return {stage.id for stage in pipeline.stages} if pipeline else set()

    def add(self, object_name: str, body: Mapping[str, Any], now: str) -> Pipeline:
        require(body, "label", "displayOrder", "stages")
        pipeline = Pipeline(
            str(body.get("pipelineId") or self._mint()), str(body["label"]), int(body["displayOrder"]), [], now, now
        )
        if pipeline.id in self.of(object_name):
            raise bad_request(f"A pipeline with id {pipeline.id} already exists")
        for stage in body["stages"]:
            self.add_stage(object_name, pipeline, stage, now)
        self.of(object_name)[pipeline.id] = pipeline
        return pipeline

    def add_stage(self, object_name: str, pipeline: Pipeline, body: Mapping[str, Any], now: str) -> Stage:
        require(body, "label", "displayOrder")
        metadata = {str(k): str(v) for k, v in (body.get("metadata") or {}).items()}
        if object_name == "deals":
            if "probability" not in metadata:
                raise bad_request("Deal stages need metadata.probability, a number from 0.0 to 1.0")
            metadata.setdefault("isClosed", "true" if float(metadata["probability"]) in (0.0, 1.0) else "false")
        stage = Stage(
            str(body.get("stageId") or self._mint()), str(body["label"]), int(body["displayOrder"]), metadata, now, now
        )
        pipeline.stages.append(stage)
        return stage

    def _mint(self) -> str:
        self._serial += 17
        return str(self._serial)


def _copy(pipeline: Pipeline) -> Pipeline:
    stages = [
        Stage(s.id, s.label, s.display_order, dict(s.metadata), s.created_at, s.updated_at) for s in pipeline.stages
    ]
    return Pipeline(
        pipeline.id, pipeline.label, pipeline.display_order, stages, pipeline.created_at, pipeline.updated_at
    )
