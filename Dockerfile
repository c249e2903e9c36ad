# JupyterLab with the course:   docker build -t rmkit . && docker run --rm -p 8888:8888 rmkit
# Grade, with no network:       docker run --rm --network none -v "$PWD:/work" rmkit \
#                                 python -m rmkit.classroom.grade /work/submissions --student /work/dist/classroom/student --out /work/grades.csv
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 learner
WORKDIR /home/learner/rmkit
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# First what seldom changes, so that an edited lesson does not install torch again.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir rmkit data && touch rmkit/__init__.py \
 && pip install --extra-index-url https://download.pytorch.org/whl/cpu -c constraints.txt -e ".[lab]"
COPY --chown=learner . .
RUN chown learner . && python -m rmkit doctor

USER learner
EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser", "notebooks/00_start_here.ipynb"]
