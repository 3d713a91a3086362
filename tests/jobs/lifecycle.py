"""A repository with a lifecycle policy that is followed."""

from datetime import timedelta

from tests.builders import a_layer, an_image
from tests.domain.policies import a_text
from tests.jobs.installation import REGISTRY

REPOSITORY = "team/app"


class Place:
    """A repository and its policy."""

    def __init__(self, installation):
        self.installation = installation
        self.layer = a_layer()

    @property
    def id(self):
        with self.installation.database.reading() as db:
            return db.repositories.get(REGISTRY, REPOSITORY).id

    def push(self, *tags, image=None):
        """An image, an hour younger than the one before."""
        self.installation.now += timedelta(hours=1)
        image = image or an_image(layers=[self.layer])
        for tag in tags or (None,):
            self.installation.push(REPOSITORY, image, tag)
        return image

    def delete(self, **image_id):
        self.installation.ask("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[image_id])

    def archive(self, image, storage_class="ARCHIVE"):
        self.installation.ask(
            "UpdateImageStorageClass",
            repositoryName=REPOSITORY,
            imageId={"imageDigest": image.digest},
            targetStorageClass=storage_class,
        )

    def put(self, *rules):
        self.installation.ask(
            "PutLifecyclePolicy", repositoryName=REPOSITORY, lifecyclePolicyText=a_text(*rules)
        )

    def run(self):
        """How many images went or were archived."""
        return self.installation.run("evaluate_lifecycle", repository_id=self.id, asked=True)

    def previewed(self):
        self.installation.ask("StartLifecyclePolicyPreview", repositoryName=REPOSITORY)
        self.installation.run("preview_lifecycle", repository_id=self.id)
        answer = self.installation.ask("GetLifecyclePolicyPreview", repositoryName=REPOSITORY, maxResults=100)
        return {each["imageDigest"] for each in answer["previewResults"]}

    def left(self, status="ANY"):
        answer = self.installation.ask(
            "DescribeImages", repositoryName=REPOSITORY, filter={"imageStatus": status}, maxResults=1000
        )
        return {each["imageDigest"] for each in answer["imageDetails"]}

    def evaluated_at(self):
        answer = self.installation.ask("GetLifecyclePolicy", repositoryName=REPOSITORY)
        return answer["lastEvaluatedAt"]

    def events(self, name="PolicyExecutionEvent"):
        found = [each for each in self.installation.audit if each["eventName"] == name]
        return [each["serviceEventDetails"] for each in found]


def digests(*images):
    return {image.digest for image in images}


def gone(events):
    """The images of which it is told that they went."""
    return [
        each["lifecycleEventImage"]["digest"]
        for event in events
        for each in event["lifecycleEventImageActions"]
    ]
